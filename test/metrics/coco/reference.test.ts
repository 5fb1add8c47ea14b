import { inflateSync } from "node:zlib";
import { expect } from "chai";
import { evaluateCoco, formatCocoSummary } from "../../../lib/metrics/coco/evaluate.js";
import type { CocoOptions } from "../../../lib/metrics/coco/options.js";
import { Random } from "../../../lib/random.js";
import { askPython, requirePython } from "../../support/python.js";
import { oddScene, randomScene, type Scene } from "./scenes.js";

/** Reads one job per line and answers with the reference's metrics, arrays (zlib, base64) and printed lines. */
const SCRIPT = `
import sys, json, io, contextlib, zlib, base64
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
pack = lambda a: base64.b64encode(zlib.compress(np.ascontiguousarray(a, "<f8").tobytes(), 1)).decode()
for line in sys.stdin:
    job = json.loads(line)
    text, stats = io.StringIO(), []
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(); gt.dataset = job["gt"]; gt.createIndex()
        run = COCOeval(gt, gt.loadRes(job["dt"]), job["type"])
        run.params.useCats = job["useCats"]; run.params.maxDets = job["maxDets"]
        if job["iou"]: run.params.iouThrs = np.array(job["iou"])
        if job["recall"]: run.params.recThrs = np.array(job["recall"])
        if job["areas"]:
            run.params.areaRng = [a["range"] for a in job["areas"]]
            run.params.areaRngLbl = [a["label"] for a in job["areas"]]
        if job["images"]: run.params.imgIds = job["images"]
        if job["categories"]: run.params.catIds = job["categories"]
        run.evaluate(); run.accumulate()
        if job["standard"]:
            with contextlib.redirect_stdout(text): run.summarize()
            stats = run.stats.tolist()
    print(json.dumps({"stats": stats, "text": text.getvalue().rstrip("\\n"), **{name: pack(run.eval[name]) for name in
                      ("precision", "recall", "scores")}}))
`;

interface Answer {
  readonly stats: number[];
  readonly text: string;
  readonly precision: string;
  readonly recall: string;
  readonly scores: string;
}

interface Job extends Scene, CocoOptions {
  readonly type: "bbox" | "segm";
  readonly imageIds?: number[];
  readonly categoryIds?: number[];
}

/** Every set with other options, a third of them with COCO's own. */
function job(seed: number): Job {
  const random = Random.of("job", seed);
  const type = seed % 2 === 0 ? "bbox" : "segm";
  // The area is that of the box if a result has both, that of the mask if it has only a mask.
  const parts = seed % 3 === 0 && type === "segm" ? (["segmentation"] as const) : (["bbox", "segmentation"] as const);
  const scene = seed % 4 === 0 ? randomScene(seed, parts) : oddScene(seed, parts);
  const useCategories = seed % 5 !== 0;
  const maxDetections = seed % 7 === 0 ? [1, 2, 4] : [1, 10, 100];
  if (seed % 3 !== 0) return { ...scene, type, useCategories, maxDetections };
  const { images } = scene.groundTruth;
  return {
    ...scene,
    type,
    useCategories,
    maxDetections: [3, 1, 100, 12].slice(0, 1 + random.integer(4)),
    iouThresholds: Array.from({ length: 1 + random.integer(40) }, () => Math.round(random.next() * 20) / 20),
    recallThresholds: Array.from({ length: 1 + random.integer(9) }, () => random.next()).sort((a, b) => a - b),
    areaRanges: [
      { label: "all", low: 0, high: 1e10 },
      { label: "odd", low: random.integer(800), high: 800 + random.integer(5000) },
    ],
    ...(random.next() < 0.3 && { imageIds: images.map(({ id }) => id).filter(() => random.next() < 0.6) }),
    // In increasing order: without categories the reference ranks equal scores by the order of this list.
    ...(random.next() < 0.3 && { categoryIds: [2, 4, 9].slice(random.integer(2)) }),
  };
}

const isStandard = (job: Job) => job.iouThresholds === undefined;

const SETS = 2000;

describe("COCO evaluation compared with pycocotools", () => {
  it(`agrees on ${SETS} random data sets: metrics and arrays to 1e-12, printed lines`, function () {
    this.timeout(600_000);
    const python = requirePython(this, ["pycocotools"]);
    const jobs = Array.from({ length: SETS }, (_, seed) => job(seed)).filter(
      ({ results, imageIds }) => results.length > 0 && imageIds?.length !== 0,
    );
    expect(jobs.length).to.be.greaterThan(0.9 * SETS);
    const asked = jobs.map((job) => ({
      gt: job.groundTruth,
      dt: job.results,
      type: job.type,
      useCats: job.useCategories ? 1 : 0,
      maxDets: job.maxDetections,
      iou: job.iouThresholds ?? null,
      recall: job.recallThresholds ?? null,
      areas: job.areaRanges?.map(({ label, low, high }) => ({ label, range: [low, high] })) ?? null,
      images: job.imageIds ?? null,
      categories: job.categoryIds ?? null,
      standard: isStandard(job),
    }));
    const answers = askPython<(typeof asked)[number], Answer>(python, SCRIPT, asked);
    let positives = 0;
    jobs.forEach((job, i) => {
      const expected = answers[i]!;
      const ours = evaluateCoco(job);
      for (const name of ["precision", "recall", "scores"] as const) {
        expectEqual(ours[name], unpack(expected[name]), `set ${i}: ${name}`);
      }
      if (ours.recall.some((recall) => recall > 0)) positives++;
      if (!isStandard(job)) return;
      expect(ours.stats, `set ${i}`).to.deep.equal(expected.stats); // to the last bit, which may change a printed digit
      expect(formatCocoSummary(ours)).to.equal(expected.text);
    });
    expect(positives).to.be.greaterThan(0.5 * SETS); // something was found in most
  });
});

function unpack(text: string): Float64Array {
  const bytes = inflateSync(Buffer.from(text, "base64"));
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

function expectEqual(ours: Float64Array, expected: Float64Array, what: string): void {
  expect(ours.length, what).to.equal(expected.length);
  for (let j = 0; j < expected.length; j++) {
    if (!(Math.abs(ours[j]! - expected[j]!) <= 1e-12)) expect.fail(`${what}[${j}] is ${ours[j]}, not ${expected[j]}`);
  }
}
