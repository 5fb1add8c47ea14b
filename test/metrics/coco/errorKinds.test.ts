import { readFileSync } from "node:fs";
import { expect } from "chai";
import type { CocoGroundTruth } from "../../../lib/coco/entries.js";
import { cocoErrors, type ErrorBreakdown, type ErrorKind } from "../../../lib/metrics/coco/errorKinds.js";
import { askPython, requirePython } from "../../support/python.js";
import { randomTideJob, TIDE_FIXTURES, TIDE_SCRIPT, type TideAnswer, type TideJob, type TideName } from "./tide.js";

const NAMES: Readonly<Record<TideName, ErrorKind>> = {
  Cls: "class",
  Loc: "localisation",
  Both: "both",
  Dupe: "duplicate",
  Bkg: "background",
  Miss: "missed",
};

function expectEqual(job: TideJob, answer: TideAnswer, what: string): void {
  const own = cocoErrors(job);
  const close = (value: number, percent: number, name: string) =>
    expect(value, `${what}: ${name}`).to.be.closeTo(percent / 100, 1e-9);
  close(own.ap, answer.ap, "AP");
  for (const [name, kind] of Object.entries(NAMES) as [TideName, ErrorKind][]) {
    const error = own.errors.find((one) => one.kind === kind)!;
    expect(error.count, `${what}: ${kind}`).to.equal(answer.counts[name]);
    expect(error.perClass.reduce((a, b) => a + b, 0)).to.equal(error.count);
    close(error.deltaAp, answer.deltaAp[name], kind);
  }
  close(own.falsePositives, answer.falsePositives, "false positives");
  close(own.falseNegatives, answer.falseNegatives, "false negatives");
}

describe("error breakdown", () => {
  it("equals values recorded with tidecv", () => {
    const recorded: { job: TideJob; answer: TideAnswer }[] = JSON.parse(readFileSync(TIDE_FIXTURES, "utf8"));
    expect(recorded).to.have.length(8);
    recorded.forEach(({ job, answer }, i) => {
      expectEqual(job, answer, `recorded scene ${i}`);
    });
  });

  it("equals tidecv on random scenes", function () {
    this.timeout(120_000);
    const python = requirePython(this, ["tidecv"]);
    const jobs = Array.from({ length: 400 }, (_, seed) => randomTideJob(seed));
    const answers = askPython<TideJob, TideAnswer | null>(python, TIDE_SCRIPT, jobs);
    const judged = answers.flatMap((answer, i) => (answer === null ? [] : [[jobs[i]!, answer, i] as const]));
    expect(judged.length).to.be.greaterThan(350);
    for (const [own, answer, i] of judged) expectEqual(own, answer, `scene ${i}`);
    const seen = (name: TideName) => judged.filter(([, answer]) => answer.deltaAp[name] > 0.1).length;
    for (const name of Object.keys(NAMES) as TideName[]) expect(seen(name), name).to.be.greaterThan(10);
  });

  const box = (x: number): [number, number, number, number] => [x, 0, 10, 10];
  const scene = (truth: readonly [category: number, x: number][], found: readonly [number, number, number][]) => {
    const groundTruth: CocoGroundTruth = {
      images: [{ id: 1, width: 100, height: 10 }],
      categories: [1, 2].map((id) => ({ id, name: `kind ${id}` })),
      annotations: truth.map(([category_id, x], i) => ({ id: i + 1, image_id: 1, category_id, bbox: box(x) })),
    };
    const results = found.map(([category_id, x, score]) => ({ image_id: 1, category_id, score, bbox: box(x) }));
    return cocoErrors({ type: "bbox", groundTruth, results });
  };
  const counts = ({ errors }: ErrorBreakdown) =>
    Object.fromEntries(errors.filter(({ count }) => count > 0).map(({ kind, count }) => [kind, count]));

  it("names each kind", () => {
    expect(
      counts(
        scene(
          [[1, 0]],
          [
            [1, 0, 0.9],
            [1, 1, 0.8],
          ],
        ),
      ),
    ).to.deep.equal({ duplicate: 1 });
    expect(counts(scene([[1, 0]], [[1, 5, 0.9]]))).to.deep.equal({ localisation: 1 });
    expect(counts(scene([[1, 0]], [[2, 1, 0.9]]))).to.deep.equal({ class: 1 });
    expect(counts(scene([[1, 0]], [[2, 5, 0.9]]))).to.deep.equal({ both: 1, missed: 1 });
    expect(counts(scene([[1, 0]], [[1, 50, 0.9]]))).to.deep.equal({ background: 1, missed: 1 });
    expect(counts(scene([], [[1, 50, 0.9]]))).to.deep.equal({ background: 1 });
  });

  it("costs nothing if all is right, and everything if nothing is found", () => {
    const perfect = scene(
      [
        [1, 0],
        [2, 30],
      ],
      [
        [1, 0, 0.9],
        [2, 30, 0.8],
      ],
    );
    expect(perfect.ap).to.equal(1);
    expect(perfect.errors.every(({ deltaAp }) => deltaAp === 0)).to.equal(true);
    const blind = scene([[1, 0]], []);
    expect([blind.ap, blind.falseNegatives]).to.deep.equal([0, 1]);
    expect(blind.errors.find(({ kind }) => kind === "missed")).to.include({ count: 1, deltaAp: 1 });
    expect(scene([], []).ap).to.equal(-1);
  });
});
