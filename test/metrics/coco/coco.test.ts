import { expect } from "chai";
import type { CocoGroundTruth, CocoResult } from "../../../lib/coco/entries.js";
import { type CocoEvaluation, evaluateCoco, formatCocoSummary } from "../../../lib/metrics/coco/evaluate.js";
import type { CocoOptions } from "../../../lib/metrics/coco/options.js";
import type { EvaluationType } from "../../../lib/metrics/coco/tables.js";
import { type Golden, goldens, inShared, inTree, withRecordings } from "../../support/goldens.js";

interface ExpectedMatches {
  readonly image_id: number;
  readonly category_id: number;
  readonly aRng: [number, number];
  readonly dtIds: number[];
  readonly gtIds: number[];
  readonly dtMatches: number[];
  readonly dtIgnore: number[];
  readonly gtIgnore: number[];
}

interface Expected {
  readonly stats: number[];
  readonly precision_shape: number[];
  readonly precision_sum: number;
  readonly precision_count: number;
  readonly recall_sum: number;
  readonly AP_per_category?: number[];
  readonly evalImgs?: ExpectedMatches[];
  readonly summary?: string[];
}

const VARIANTS: Record<string, CocoOptions> = {
  default: {},
  useCats0: { useCategories: false },
  maxDets_1_3_7: { maxDetections: [1, 3, 7] },
  proposal: { useCategories: false, maxDetections: [3, 10, 20] },
};

/** Some lines that the reference prints for the recordings' boxes; they hold only its numbers. */
const RECORDED_LINES = {
  0: " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.166",
  1: " Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 0.279",
  6: " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = 0.196",
  10: " Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = 0.463",
};

function evaluateGolden({ json }: Golden, set: string, type: EvaluationType, options: CocoOptions): CocoEvaluation {
  const groundTruth = json<CocoGroundTruth>(`${set}.gt.json`);
  const results = json<CocoResult[]>(`${set}.${type}.json`);
  return evaluateCoco({ groundTruth, results, type, ...options });
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  expect(actual.length, what).to.equal(expected.length);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    worst = Math.max(worst, difference); // a NaN sticks
  }
  expect(worst, what).to.be.at.most(1e-12);
}

const total = (values: Float64Array) => values.reduce((a, b) => (b > -1 ? a + b : a), 0);

describe("COCO evaluation", () => {
  for (const [set, { place, open }] of withRecordings(
    [["small", inTree("cocoeval")]],
    [
      ["small", inShared("cocoeval")],
      ["medium", inShared("cocoeval")],
    ],
  )) {
    for (const type of ["bbox", "segm"] as const) {
      for (const [variant, options] of Object.entries(VARIANTS)) {
        it(`has the reference's metrics (${set}, ${type}, ${variant}): ${place}`, function () {
          const golden = open(this);
          const expected = golden.json<Record<string, Expected>>(`${set}.expected.json`)[`${type}_${variant}`]!;
          const evaluation = evaluateGolden(golden, set, type, options);
          expectClose(evaluation.stats, expected.stats, "stats");
          expect(evaluation.shape).to.deep.equal(expected.precision_shape);
          const defined = evaluation.precision.filter((p) => p > -1);
          expect(defined.length).to.equal(expected.precision_count);
          expect(total(evaluation.precision)).to.be.closeTo(expected.precision_sum, 1e-8);
          expect(total(evaluation.recall)).to.be.closeTo(expected.recall_sum, 1e-9);
          const perCategory = evaluation.categories.map(({ ap }) => ap);
          if (expected.AP_per_category) expectClose(perCategory, expected.AP_per_category, "AP per category");
        });
      }
    }
  }

  const typed = goldens("cocoeval").flatMap(({ place, open }) =>
    (["bbox", "segm"] as const).map((type) => ({ place, open, type })),
  );
  for (const { place, open, type } of typed) {
    it(`has the reference's precision, recall and score arrays (${type}): ${place}`, function () {
      const golden = open(this);
      const evaluation = evaluateGolden(golden, "small", type, {});
      for (const name of ["precision", "recall", "scores"] as const) {
        const stored = golden.array(`small.${type}.${name}.npy`);
        expectClose(stored.of(evaluation[name]), stored.expected, name);
      }
    });

    it(`has the reference's matches (${type}): ${place}`, function () {
      const golden = open(this);
      const expected = golden.json<Record<string, Expected>>("small.expected.json")[`${type}_default`]!.evalImgs!;
      const { matches, options } = evaluateGolden(golden, "small", type, { keepMatches: true });
      expect(expected.length).to.be.greaterThan(10);
      for (const reference of expected) {
        const ours = matches.find(
          ({ imageId, categoryId, areaRange }) =>
            imageId === reference.image_id &&
            categoryId === reference.category_id &&
            options.areaRanges[areaRange]!.low === reference.aRng[0] &&
            options.areaRanges[areaRange]!.high === reference.aRng[1],
        )!;
        const D = reference.dtIds.length;
        expect([...ours.detectionIds]).to.deep.equal(reference.dtIds);
        expect([...ours.groundTruthIds]).to.deep.equal(reference.gtIds);
        expect([...ours.groundTruthIgnored]).to.deep.equal(reference.gtIgnore);
        expect([...ours.detectionMatches.subarray(0, D)]).to.deep.equal(reference.dtMatches);
        expect([...ours.detectionIgnored.subarray(0, D)]).to.deep.equal(reference.dtIgnore);
      }
    });
  }

  for (const { place, open } of goldens("cocoeval")) {
    it(`is printed like the reference's: ${place}`, function () {
      const golden = open(this);
      const { summary } = golden.json<Record<string, Expected>>("small.expected.json").bbox_default!;
      const lines = formatCocoSummary(evaluateGolden(golden, "small", "bbox", {})).split("\n");
      expect(lines).to.have.length(12);
      for (const [i, line] of Object.entries(summary ?? RECORDED_LINES)) expect(lines[Number(i)]).to.equal(line);
    });
  }
});
