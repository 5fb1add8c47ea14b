import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { CocoGroundTruth, CocoResult } from "../../lib/coco/entries.js";
import { evaluateCocoFiles } from "../../lib/evaluation/cocoFiles.js";
import { type CocoEvaluation, evaluateCoco } from "../../lib/metrics/coco/evaluate.js";
import type { CocoOptions } from "../../lib/metrics/coco/options.js";
import { randomScene } from "../metrics/coco/scenes.js";
import { inShared, inTree, withRecordings } from "../support/goldens.js";

function expectSame(actual: CocoEvaluation, expected: CocoEvaluation): void {
  for (const name of ["precision", "recall", "scores", "stats", "shape", "categories", "matches"] as const) {
    expect(actual[name], name).to.deep.equal(expected[name]);
  }
}

describe("COCO evaluation of files", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-evaluation-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function files(truth: CocoGroundTruth, results: unknown) {
    const paths = { annotations: join(folder, "a.json"), results: join(folder, "r.json") };
    const { annotations, ...rest } = truth;
    await writeFile(paths.annotations, JSON.stringify({ annotations, info: { year: 2026, tags: ["x"] }, ...rest }));
    await writeFile(paths.results, JSON.stringify(results));
    return paths;
  }

  for (const type of ["bbox", "segm"] as const) {
    it(`equals that of the same data in memory, in pieces of any size with any number of threads (${type})`, async () => {
      const variants: CocoOptions[] = [{}, { useCategories: false }, { keepMatches: true, maxDetections: [2, 5] }];
      for (let seed = 0; seed < 6; seed++) {
        const { groundTruth, results } = randomScene(seed);
        const paths = await files(groundTruth, results);
        const options = variants[seed % 3]!;
        const expected = evaluateCoco({ groundTruth, results, type, ...options });
        for (const [threads, pieceBytes] of [
          [1, 50],
          [2, 3000],
          [3, 1 << 20],
        ] as const) {
          expectSame(await evaluateCocoFiles({ ...paths, type, threads, pieceBytes, ...options }), expected);
        }
      }
    });
  }

  for (const [set, pieceBytes, { place, open }] of withRecordings(
    [["small", 700, inTree("cocoeval")]],
    [["medium", 30_000, inShared("cocoeval")]],
  )) {
    it(`equals that in memory for the reference's sets, with threads: ${place}`, async function () {
      const { json } = open(this);
      const groundTruth = json<CocoGroundTruth>(`${set}.gt.json`);
      const results = json<CocoResult[]>(`${set}.segm.json`);
      const paths = await files(groundTruth, results);
      const expected = evaluateCoco({ groundTruth, results, type: "segm" });
      for (const threads of [1, 3]) {
        expectSame(await evaluateCocoFiles({ ...paths, type: "segm", threads, pieceBytes }), expected);
      }
      expect(expected.stats[0]).to.be.greaterThan(0.05);
    });
  }

  it("accepts categories by name, and reports its progress", async () => {
    const { groundTruth, results } = randomScene(3);
    const paths = await files(groundTruth, results);
    const progress: string[] = [];
    const onProgress = (done: number, total: number) => progress.push(`${done}/${total}`);
    const named = await evaluateCocoFiles({ ...paths, type: "bbox", categories: ["kind 4", "2"], onProgress });
    expectSame(named, evaluateCoco({ groundTruth, results, type: "bbox", categoryIds: [2, 4] }));
    expect(progress.length).to.be.greaterThan(3);
    expect(progress.at(-1)).to.equal(`${progress.length}/${progress.length}`);
  });

  it("stops when aborted", async () => {
    const { groundTruth, results } = randomScene(1);
    const paths = await files(groundTruth, results);
    const stop = new AbortController();
    const running = evaluateCocoFiles({
      ...paths,
      type: "bbox",
      threads: 2,
      pieceBytes: 100,
      signal: stop.signal,
      onProgress: () => stop.abort(new Error("enough")),
    });
    const outcome = await running.then(
      () => "done",
      (error: Error) => error.message,
    );
    expect(outcome).to.equal("enough");
  });

  it("keeps matches with overlaps and rows of every image", async () => {
    const { groundTruth, results } = randomScene(5);
    const evaluation = evaluateCoco({ groundTruth, results, type: "segm", keepMatches: true });
    const { matches, options } = evaluation;
    const T = options.iouThresholds.length;
    let matched = 0;
    for (const { detectionMatches, groundTruthIds, ious, detectionIds, detectionRows, scores } of matches) {
      const D = detectionIds.length;
      const G = groundTruthIds.length;
      expect(ious.length).to.equal(D * G);
      detectionRows.forEach((row, d) => {
        expect(scores[d]).to.equal(results[row]!.score);
      });
      for (let i = 0; i < T * D; i++) {
        const id = detectionMatches[i]!;
        if (id === 0) continue;
        matched++;
        const iou = ious[(i % D) * G + groundTruthIds.indexOf(id)]!;
        expect(iou).to.be.at.least(options.iouThresholds[Math.floor(i / D)]! - 1e-9);
      }
    }
    expect(matched).to.be.greaterThan(20);
  });
});
