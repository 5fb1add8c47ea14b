import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { evaluateCoco, formatCocoSummary } from "../../lib/evaluation/coco.js";
import { randomScene } from "./scenes.js";

/** Reads {gt, dt, type, useCats, maxDets} a line and answers with the reference's figures, arrays and printed lines. */
const SCRIPT = `
import sys, json, io, contextlib
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
for line in sys.stdin:
    job = json.loads(line)
    text = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(); gt.dataset = job["gt"]; gt.createIndex()
        run = COCOeval(gt, gt.loadRes(job["dt"]), job["type"])
        run.params.useCats = job["useCats"]; run.params.maxDets = job["maxDets"]
        run.evaluate(); run.accumulate()
        with contextlib.redirect_stdout(text): run.summarize()
    print(json.dumps({"stats": run.stats.tolist(), "precision": run.eval["precision"].ravel().tolist(),
                      "recall": run.eval["recall"].ravel().tolist(), "scores": run.eval["scores"].ravel().tolist(),
                      "text": text.getvalue().rstrip("\\n")}))
`;

interface Answer {
  readonly stats: number[];
  readonly precision: number[];
  readonly recall: number[];
  readonly scores: number[];
  readonly text: string;
}

describe("COCO evaluation beside pycocotools", () => {
  it("agrees on random data sets", function () {
    const python = process.env.DENSEKIT_PYTHON;
    if (python === undefined) {
      console.warn("      skipped: DENSEKIT_PYTHON does not name a Python with pycocotools");
      this.skip();
    }
    const jobs = Array.from({ length: 120 }, (_, seed) => {
      const type = seed % 2 === 0 ? ("bbox" as const) : ("segm" as const);
      // A result with both goes by its box's area, one with a mask alone by the mask's.
      const scene = randomScene(seed, seed % 3 === 0 && type === "segm" ? ["segmentation"] : ["bbox", "segmentation"]);
      const useCategories = seed % 5 !== 0;
      const maxDetections = seed % 7 === 0 ? [1, 2, 4] : [1, 10, 100];
      return { ...scene, type, useCategories, maxDetections };
    }).filter(({ results }) => results.length > 0);
    const input = jobs.map(({ groundTruth, results, type, useCategories, maxDetections }) =>
      JSON.stringify({ gt: groundTruth, dt: results, type, useCats: useCategories ? 1 : 0, maxDets: maxDetections }),
    );
    const run = spawnSync(python, ["-c", SCRIPT], { input: input.join("\n"), encoding: "utf8", maxBuffer: 2 ** 30 });
    expect(run.status, run.stderr).to.equal(0);
    const answers = run.stdout.trim().split("\n");
    expect(answers).to.have.length(jobs.length);
    jobs.forEach((job, i) => {
      const expected = JSON.parse(answers[i]!) as Answer;
      const ours = evaluateCoco(job);
      for (const name of ["stats", "precision", "recall", "scores"] as const) {
        expect(ours[name].length).to.equal(expected[name].length);
        expected[name].forEach((value, j) => {
          if (!(Math.abs(ours[name][j]! - value) <= 1e-12))
            expect.fail(`set ${i}: ${name}[${j}] ${ours[name][j]}, not ${value}`);
        });
      }
      expect(formatCocoSummary(ours)).to.equal(expected.text);
    });
  });
});
