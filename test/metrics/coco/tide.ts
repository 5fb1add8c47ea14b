import type { CocoGroundTruth, CocoResult } from "../../../lib/coco/entries.js";
import type { EvaluationType } from "../../../lib/metrics/coco/tables.js";
import { Random } from "../../../lib/random.js";
import { randomScene } from "./scenes.js";

/** Jobs with tidecv's results, as `recordTide` writes them. */
export const TIDE_FIXTURES = new URL("../../../../test/metrics/coco/fixtures/tide.json", import.meta.url);

export interface TideJob {
  readonly type: EvaluationType;
  /** Images are in order of their ids, by which equal scores are ranked. */
  readonly groundTruth: CocoGroundTruth;
  readonly results: readonly CocoResult[];
}

/** The results of the package `tidecv`: average precisions in per cent, by its names of the error types. */
export interface TideAnswer {
  readonly ap: number;
  readonly deltaAp: Readonly<Record<TideName, number>>;
  readonly counts: Readonly<Record<TideName, number>>;
  readonly falsePositives: number;
  readonly falseNegatives: number;
}

export type TideName = "Cls" | "Loc" | "Both" | "Dupe" | "Bkg" | "Miss";

/** Answers one job per line; null where tidecv divides by zero because nothing is left to evaluate. */
export const TIDE_SCRIPT = `
import json, sys
from tidecv import TIDE, Data
from tidecv.quantify import TIDERun
from tidecv.errors.main_errors import FalsePositiveError, FalseNegativeError
for line in sys.stdin:
    job = json.loads(line)
    truth, found = Data("truth"), Data("found")
    for image in job["groundTruth"]["images"]: truth.add_image(image["id"], str(image["id"]))
    for kind in job["groundTruth"]["categories"]: truth.add_class(kind["id"], kind["name"])
    for a in job["groundTruth"]["annotations"]:
        add = truth.add_ignore_region if a.get("iscrowd") else truth.add_ground_truth
        add(a["image_id"], a["category_id"], a["bbox"], a.get("segmentation"))
    for r in job["results"]:
        found.add_detection(r["image_id"], r["category_id"], r["score"], r.get("bbox"), r.get("segmentation"))
    try:
        run = TIDERun(truth, found, 0.5, 0.1, TIDE.BOX if job["type"] == "bbox" else TIDE.MASK, 100)
        costs, special = run.fix_main_errors(), run.fix_special_errors()
        answer = {
            "ap": run.ap,
            "deltaAp": {e.short_name: v for e, v in costs.items()},
            "counts": {e.short_name: v for e, v in run.count_errors().items()},
            "falsePositives": special[FalsePositiveError], "falseNegatives": special[FalseNegativeError]}
    except ZeroDivisionError:
        answer = None
    print(json.dumps(answer))
`;

/** A random scene, alternating boxes and masks, with and without ties of scores. */
export function randomTideJob(seed: number): TideJob {
  const { groundTruth, results } = randomScene(seed);
  const images = [...groundTruth.images].sort((a, b) => a.id - b.id);
  const random = Random.of("scores", seed);
  return {
    type: seed % 4 < 2 ? "bbox" : "segm",
    groundTruth: { ...groundTruth, images },
    results: seed % 2 === 0 ? results : results.map((result) => ({ ...result, score: random.next() })),
  };
}
