import { expect } from "chai";
import type { CocoAnnotation, CocoGroundTruth, CocoResult } from "../../../lib/coco/entries.js";
import { UserError } from "../../../lib/errors.js";
import { evaluateCoco, evaluateInstances, formatCocoSummary } from "../../../lib/metrics/coco/evaluate.js";
import type { CocoOptions } from "../../../lib/metrics/coco/options.js";
import type { EvaluationType } from "../../../lib/metrics/coco/tables.js";

const annotation: CocoAnnotation = { id: 1, image_id: 7, category_id: 3, bbox: [2, 2, 4, 4], area: 16, iscrowd: 0 };
const groundTruth: CocoGroundTruth = {
  images: [{ id: 7, width: 10, height: 10 }],
  categories: [{ id: 3, name: "nut" }],
  annotations: [annotation],
};
const result: CocoResult = { image_id: 7, category_id: 3, score: 0.9, bbox: [2, 2, 4, 4] };
const square = [[2, 2, 2, 6, 6, 6, 6, 2]];

function withAnnotation(...changes: Partial<CocoAnnotation>[]): CocoGroundTruth {
  return { ...groundTruth, annotations: changes.map((change) => ({ ...annotation, ...change })) };
}

describe("COCO evaluation refuses, with the position of the fault,", () => {
  const refused: [
    name: string,
    truth: CocoGroundTruth,
    results: CocoResult[],
    type: EvaluationType,
    message: RegExp,
  ][] = [
    ["an unknown image", withAnnotation({ image_id: 8 }), [], "bbox", /^annotation 1: unknown image id 8/],
    ["an unknown category", withAnnotation({ category_id: 4 }), [], "bbox", /^annotation 1: unknown category 4/],
    ["an id used twice", withAnnotation({}, {}), [], "bbox", /^annotation 1: the id occurs twice/],
    ["a box of three numbers", withAnnotation({ bbox: [1, 2, 3] }), [], "bbox", /^annotation 1: "bbox".*\[1,2,3\]/],
    ["an object without a mask", groundTruth, [], "segm", /^annotation 1 has no "segmentation"/],
    [
      "a polygon of two points",
      withAnnotation({ segmentation: [[1, 2, 3, 4]] }),
      [],
      "segm",
      /^annotation 1: .*3 points/,
    ],
    [
      "a result of another set",
      groundTruth,
      [{ ...result, image_id: 1 }],
      "bbox",
      /^result 0: .*no image 1.*another set/,
    ],
    [
      "a score that is not a number",
      groundTruth,
      [result, { ...result, score: Number.NaN }],
      "bbox",
      /^result 1: .*NaN/,
    ],
    ["a NaN in a box", groundTruth, [{ ...result, bbox: [1, 2, Number.NaN, 4] }], "bbox", /^result 0: "bbox"/],
    ["a result without a mask", withAnnotation({ segmentation: square }), [result], "segm", /^result 0 has no "segm/],
    [
      "a mask of another size",
      withAnnotation({ segmentation: square }),
      [{ ...result, segmentation: { size: [5, 5], counts: [25] } }],
      "segm",
      /^result 0: .*\[5,5\].*\[10,10\]/,
    ],
  ];
  for (const [name, truth, results, type, message] of refused) {
    it(name, () => expect(() => evaluateCoco({ groundTruth: truth, results, type })).to.throw(UserError, message));
  }

  it("files that are not COCO files", () => {
    const { annotations: _, ...rest } = groundTruth;
    const noAnnotations: unknown = rest;
    const noList: unknown = {};
    const read = (truth: unknown, results: unknown) => () =>
      evaluateCoco({ groundTruth: truth as CocoGroundTruth, results: results as CocoResult[], type: "bbox" });
    expect(read(noAnnotations, [])).to.throw(UserError, /no list "annotations"/);
    expect(read(groundTruth, noList)).to.throw(UserError, /no COCO results file/);
  });

  it("options out of range", () => {
    const wrong: [CocoOptions, RegExp][] = [
      [
        { iouThresholds: [0.5, 1.5] },
        /^--iou \(iouThresholds in the API\): numbers from 0 to 1 are expected, not 1\.5$/,
      ],
      [{ iouThresholds: [] }, /^--iou \(iouThresholds in the API\): numbers from 0 to 1 are expected, not none$/],
      [{ maxDetections: [0] }, /^--max-detections \(maxDetections in the API\): whole numbers from 1 on .* not 0$/],
      [{ recallThresholds: [2] }, /^recallThresholds: numbers from 0 to 1 are expected, not 2$/],
      [
        { recallThresholds: [0.5, 0.1] },
        /^recallThresholds: each number must be as high as the one before it, or higher$/,
      ],
      [
        { areaRanges: [{ label: "odd", low: 2, high: 1 }] },
        /^--areas \(areaRanges in the API\): ranges .* not odd:2-1$/,
      ],
      [{ areaRanges: [{ label: "odd", low: Number.NaN, high: 1 }] }, /^--areas .* not odd:NaN-1$/],
      [{ areaRanges: [] }, /^--areas .* not none$/],
    ];
    for (const [options, message] of wrong) {
      expect(() => evaluateCoco({ groundTruth, results: [], type: "bbox", ...options })).to.throw(UserError, message);
    }
  });

  it("detections in memory that do not fit", () => {
    const none = { boxes: new Float32Array(0), labels: new Int32Array(0), crowd: new Uint8Array(0) };
    const found = {
      imageId: 1,
      boxes: Float32Array.of(0, 0, 1, 1),
      labels: Int32Array.of(0),
      scores: Float32Array.of(1),
    };
    const judge =
      (change: Partial<typeof found>, type: EvaluationType = "bbox") =>
      () =>
        evaluateInstances({
          groundTruth: [{ imageId: 1, ...none }],
          detections: [{ ...found, ...change }],
          classes: ["a"],
          type,
        });
    expect(judge({})).not.to.throw();
    expect(judge({ imageId: 2 })).to.throw(UserError, /image 2/);
    expect(judge({ labels: Int32Array.of(1) })).to.throw(UserError, /class 1, but there is 1 class \(from 0\)/);
    expect(judge({ scores: Float32Array.of(Number.NaN) })).to.throw(UserError, /score NaN/);
    expect(judge({}, "segm")).to.throw(UserError, /object 0 of image 1 has no mask/);
  });
});

describe("COCO evaluation reads", () => {
  it("data in memory without shared memory, which web pages have only if they are isolated", () => {
    const SharedMemory = globalThis.SharedArrayBuffer;
    const truth = withAnnotation({ segmentation: square });
    const results = [{ ...result, segmentation: square }];
    const evaluate = () => evaluateCoco({ groundTruth: truth, results, type: "segm" }).stats;
    const stats = evaluate();
    expect(stats[0]).to.be.closeTo(1, 1e-12);
    Reflect.deleteProperty(globalThis, "SharedArrayBuffer");
    try {
      expect(evaluate()).to.deep.equal(stats);
    } finally {
      globalThis.SharedArrayBuffer = SharedMemory;
    }
  });

  it("objects without area or crowd flag, and counts results of unknown categories for nothing", () => {
    const { area: _, iscrowd: __, ...bare } = annotation;
    const truth = { ...groundTruth, annotations: [{ ...bare, segmentation: square }] };
    const stray = { ...result, category_id: 99 };
    const evaluation = evaluateCoco({ groundTruth: truth, results: [stray, result], type: "bbox" });
    expect(evaluation.remarks).to.deep.equal([
      "1 of 2 results counts for nothing, of categories that the ground truth lacks: 99 (1 result); judged are the " +
        "categories 3 (nut)",
    ]);
    expect(evaluation.stats[0]).to.be.closeTo(1, 1e-12);
    expect(evaluation.stats[3]).to.be.closeTo(1, 1e-12); // 16 pixels: small
    const [ap, ap50, ap75] = evaluation.stats;
    expect(evaluation.categories).to.deep.include({ id: 3, name: "nut", ap, ap50, ap75, ar: 1 });
  });

  it("boxes of negative sides as matching nothing, as the reference does, and says so", () => {
    const inverted = { ...result, bbox: [5, 5, -4, -4] };
    const evaluation = evaluateCoco({ groundTruth, results: [inverted, result], type: "bbox" });
    expect(evaluation.remarks).to.deep.equal([
      "1 result has a box of negative width or height, which matches nothing, as in COCO's reference; bbox is x, y, width, height",
    ]);
    expect(evaluateCoco({ groundTruth, results: [result], type: "bbox" }).remarks).to.deep.equal([]);
  });

  it("objects without size as never found, and says so; but not when masks are evaluated", () => {
    for (const bbox of [
      [5, 5, 0, 4],
      [5, 5, -4, -4],
    ]) {
      const truth = {
        ...groundTruth,
        annotations: [annotation, { ...annotation, id: 12, bbox, segmentation: square }],
      };
      expect(evaluateCoco({ groundTruth: truth, results: [result], type: "bbox" }).remarks).to.deep.equal([
        "1 object of the ground truth has a box without width or height, or of negative ones, so that nothing matches it; " +
          "bbox is x, y, width, height",
      ]);
    }
    const truth = { ...groundTruth, annotations: [{ ...annotation, bbox: [0, 0, 0, 0], segmentation: square }] };
    expect(evaluateCoco({ groundTruth: truth, results: [], type: "segm" }).remarks).to.deep.equal([]);
  });

  it("no two images, or categories, with one id, unless an entry is just repeated", () => {
    const [image] = groundTruth.images;
    const [category] = groundTruth.categories;
    const judge = (more: object) => () =>
      evaluateCoco({ groundTruth: { ...groundTruth, ...more }, results: [result], type: "bbox" });
    const named = (file_name: string) => ({ ...image!, file_name });
    const id = image!.id;
    expect(judge({ images: [named("a.png"), named("b.png")] })).to.throw(
      UserError,
      `images[1]: the id ${id} occurs twice, of "a.png" and "b.png"; give each its own`,
    );
    expect(judge({ categories: [category, { ...category, name: "dog" }] })).to.throw(
      UserError,
      'categories[1]: the id 3 occurs twice, of "nut" and "dog"; give each its own',
    );
    expect(judge({ images: [named("a.png"), named("a.png")], categories: [category, category] })).not.to.throw();
  });

  it("a match with annotation id 0 as no match, as the reference does", () => {
    expect(evaluateCoco({ groundTruth: withAnnotation({ id: 0 }), results: [result], type: "bbox" }).stats[0]).to.equal(
      0,
    );
  });

  it("its own thresholds, limits and size classes", () => {
    const options = { iouThresholds: [0.4], maxDetections: [5], areaRanges: [{ label: "all", low: 0, high: 20 }] };
    const shifted = { ...result, bbox: [3, 2, 4, 4] }; // IoU 12 / 20
    const judge = (iou: number) =>
      evaluateCoco({ groundTruth, results: [shifted], type: "bbox", ...options, iouThresholds: [iou] });
    expect(judge(0.4).shape).to.deep.equal([1, 101, 1, 1, 1]);
    expect(judge(0.6).stats[8]).to.equal(1);
    expect(judge(0.61).stats[8]).to.equal(0);
    expect(formatCocoSummary(judge(0.4))).to.include("AP) @[ IoU=0.40:0.40 | area=   all | maxDets=100 ] = -1.000");
  });
});
