import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { EFFICIENTFORMER_SIZES, type EfficientFormerSize } from "../../lib/backbones/efficientformerSizes.js";
import { Random } from "../../lib/random.js";
import { movesOf } from "../../lib/slimming/actions.js";
import {
  type Architecture,
  architectureOf,
  nameOf,
  sizeOfArchitecture,
  withPath,
} from "../../lib/slimming/architecture.js";
import { architectureWithin, BASELINES, runBaseline } from "../../lib/slimming/baselines.js";
import { costOf, type PartCosts } from "../../lib/slimming/costs.js";
import { type Alphas, pathImportance, stageImportance } from "../../lib/slimming/importance.js";
import { checkWithin } from "../../lib/slimming/kept.js";
import { partName, partsOf, partsOfSpace } from "../../lib/slimming/parts.js";
import { randomSize } from "../../lib/slimming/randomArchitecture.js";
import { checkReachable, type SearchProblem, type Step, slim } from "../../lib/slimming/search.js";
import { type Figures, openSearchLog } from "../../lib/slimming/searchLog.js";
import { smallestOf } from "../../lib/slimming/smallest.js";
import { searchSpace } from "../../lib/slimming/space.js";
import { parseTarget } from "../../lib/slimming/targets.js";
import { countedCosts } from "../../lib/slimming/work.js";
import { failureOf, madeUpCost, rejectionOf, START } from "./support.js";

const { l1: L1 } = EFFICIENTFORMER_SIZES;
const SPACE = searchSpace(START);
const COSTS: PartCosts = {
  kind: "latency",
  source: "made up",
  costs: new Map(partsOfSpace(SPACE).map((part) => [partName(part), madeUpCost(part)])),
};

/** The same α everywhere, except the blocks given: `1.2` for the second stage's third block. */
function alphasOf(size: EfficientFormerSize, blocks: Readonly<Record<string, number>> = {}): Alphas {
  return architectureOf(size).paths.map((paths, stage) =>
    paths.map((path, block) => {
      const share = blocks[`${stage + 1}.${block + 1}`] ?? 0.5;
      return path === "MB3D"
        ? { MB4D: share / 2, MB3D: share / 2, identity: 1 - share }
        : { MB4D: share, identity: 1 - share };
    }),
  );
}

/** Larger networks are better, and no two are equal. */
const larger = (architecture: Architecture): Figures => {
  const { widths, depths, attentionBlocks } = sizeOfArchitecture(architecture);
  const sum =
    widths.reduce((a, w, i) => a + Math.sqrt(w) * (i + 1), 0) + depths.reduce((a, d) => a + 3 * Math.sqrt(d), 0);
  return { accuracy: 1 - 1 / (1 + sum + attentionBlocks), loss: 1 / (1 + sum) };
};

describe("slimming", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "densekit-slim-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const problemOf = async (
    given: Partial<SearchProblem> & { figures?: typeof larger; file?: string; resume?: boolean } = {},
  ) => {
    const { figures = larger, file = "log.jsonl", resume = false, ...rest } = given;
    const log = await openSearchLog(join(folder, file), { evaluate: async (one) => figures(one), resume });
    return { space: SPACE, costs: COSTS, by: "accuracy" as const, seed: 0, log, ...rest };
  };
  const start = costOf(architectureOf(START), COSTS);
  const target = (text: string) => parseTarget(text, "latency", start);
  const stepsOf = async (file = "log.jsonl"): Promise<Step[]> =>
    (await readFile(join(folder, file), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Step)
      .filter(({ type }) => type === "step");

  it("computes the importance of paths and stages like the paper", () => {
    expect(pathImportance({ MB4D: 0.6, identity: 0.3 })).to.be.closeTo(2, 1e-12);
    expect(pathImportance({ MB4D: 0.2, MB3D: 0.4, identity: 0.4 })).to.be.closeTo(1.5, 1e-12);
    const alphas = alphasOf(START, { "3.1": 0.8, "3.2": 0.25 });
    const whole = architectureOf(START);
    expect(stageImportance(whole, alphas, 2)).to.be.closeTo(4 + 1 / 3 + 1, 1e-12);
    expect(stageImportance(withPath(whole, 2, 0, "identity"), alphas, 2)).to.be.closeTo(1 / 3 + 1, 1e-12);
    expect(() => pathImportance({ MB4D: 0.5, identity: 0 })).to.throw(RangeError, "the importance of identity is 0");
    expect(() => pathImportance({ MB4D: -1, identity: 1 })).to.throw(RangeError, "the importance of MB4D is -1");
  });

  it("finds EfficientFormer-L1's widths and depths with importances made for it", async () => {
    const supernet: EfficientFormerSize = { widths: [80, 112, 224, 448], depths: [4, 3, 7, 6], attentionBlocks: 3 };
    const space = searchSpace(supernet);
    // Stage 1 is the least important one, until stage 2 has lost the block that L1 lacks.
    const spare = { "1.2": 0.5, "2.3": 1, "3.5": 0.1, "4.1": 0.2, "4.6": 0.3 };
    const kept = [5, 7.3, 5, 5];
    const ratios = architectureOf(supernet).paths.flatMap((paths, stage) =>
      paths.map((_, block) => [`${stage + 1}.${block + 1}`, kept[stage]!] as const),
    );
    const shares = Object.entries({ ...Object.fromEntries(ratios), ...spare }).map(([name, r]) => [name, r / (1 + r)]);
    const parts = partsOfSpace(space);
    const setting = { batch: 1, size: { height: 64, width: 64 }, classes: 10 };
    const costs = countedCosts("macs", parts, setting);
    /** Nothing is lost down to L1, then much. */
    const figures = (one: Architecture): Figures => {
      const size = sizeOfArchitecture(one);
      const lost = [
        ...size.widths.map((w, i) => L1.widths[i]! - w),
        ...size.depths.map((d, i) => 99 * (L1.depths[i]! - d)),
      ];
      const missing =
        lost.reduce((sum, each) => sum + Math.max(0, each), 0) + 99 * Math.max(0, 1 - size.attentionBlocks);
      return { accuracy: 1 - missing / 1e4 };
    };
    const alphas = alphasOf(supernet, Object.fromEntries(shares));
    const problem = await problemOf({ space, costs, figures });
    const cost = costOf(architectureOf(L1), costs);
    const { found, unreached } = await slim(problem, alphas, [{ text: "L1", cost }]);
    expect(unreached).to.deep.equal([]);
    expect(sizeOfArchitecture(found[0]!.architecture)).to.deep.equal(L1);
    expect(nameOf(found[0]!.architecture)).to.equal("48-96-224-448 4-44/44-/4444-44/-4443-");
  });

  it("takes the action that loses least for what it saves, and logs the others", async () => {
    const problem = await problemOf();
    const { found } = await slim(problem, alphasOf(START, { "3.2": 0.2 }), [target("0.9x"), target("0.6x")]);
    expect(found.map(({ target: { text }, cost }) => [text, cost <= target(text).cost])).to.deep.equal([
      ["0.9x", true],
      ["0.6x", true],
    ]);
    const steps = await stepsOf();
    let before = architectureOf(START);
    for (const { architecture, cost, accuracy, candidates, taken } of steps) {
      expect(architecture).to.equal(nameOf(before));
      expect(cost).to.equal(costOf(before, COSTS));
      for (const candidate of candidates) {
        expect(candidate.saved).to.be.closeTo(cost - candidate.cost, 1e-12);
        expect(candidate.drop).to.equal(Math.max(0, accuracy - candidate.accuracy));
        expect(candidate.dropPerCost).to.equal(candidate.drop / candidate.saved);
      }
      const least = Math.min(...candidates.map(({ dropPerCost }) => dropPerCost));
      expect(candidates[taken]!.dropPerCost).to.equal(least);
      const moves = movesOf(before, {
        alphas: alphasOf(START, { "3.2": 0.2 }),
        cost,
        costOf: (one) => costOf(one, COSTS),
      });
      expect(moves.map(({ action }) => action)).to.deep.equal(candidates.map(({ action }) => action));
      before = moves[taken]!.architecture;
    }
    expect(steps[0]!.candidates.map(({ action }) => action.action)).to.deep.equal(["remove", "convert", "narrow"]);
    expect(steps[0]!.candidates[0]!.action).to.deep.include({ stage: 3, block: 2, importance: 0.25 });
    expect(nameOf(before)).to.equal(nameOf(found[1]!.architecture));
  });

  it("takes the one that saves most among equals, then the first", async () => {
    const problem = await problemOf({ figures: () => ({ accuracy: 0.5 }) });
    await slim(problem, alphasOf(START), [target("0.5x")]);
    for (const { candidates, taken } of await stepsOf()) {
      const most = Math.max(...candidates.map(({ saved }) => saved));
      expect(taken).to.equal(candidates.findIndex(({ saved }) => saved === most));
    }
    const rising = await problemOf({
      figures: (one) => ({ accuracy: 1 - larger(one).accuracy }),
      file: "rising.jsonl",
    });
    await slim(rising, alphasOf(START), [target("0.8x")]);
    for (const { candidates } of await stepsOf("rising.jsonl")) {
      expect(candidates.map(({ drop }) => drop)).to.deep.equal(candidates.map(() => 0));
    }
  });

  it("uses the loss if asked to", async () => {
    const opposed = (one: Architecture): Figures => ({ accuracy: 0.5, loss: larger(one).loss! });
    const problem = await problemOf({ by: "loss", figures: opposed });
    await slim(problem, alphasOf(START), [target("0.8x")]);
    const [step] = await stepsOf();
    for (const { drop, loss } of step!.candidates) expect(drop).to.equal(Math.max(0, loss! - step!.loss!));
    const without = await problemOf({ by: "loss", figures: () => ({ accuracy: 0.5 }), file: "without.jsonl" });
    expect(await rejectionOf(slim(without, alphasOf(START), [target("0.8x")])))
      .to.be.an("error")
      .with.property("message", "networks are compared by loss, but it was not evaluated");
  });

  it("skips widths that save nothing", () => {
    // 32 channels take longer than 48 in stage 3.
    const costs = new Map(COSTS.costs);
    for (const [name, cost] of COSTS.costs) {
      if (/^MB4D 3 32$/.test(name)) costs.set(name, COSTS.costs.get("MB4D 3 48")! + 10);
      else costs.set(name, cost);
    }
    const price = (one: Architecture) => costOf(one, { ...COSTS, costs });
    const architecture = architectureOf(START);
    const alphas = alphasOf(START, { "1.1": 0.9, "2.1": 0.9, "4.1": 0.9, "3.1": 0.1, "3.2": 0.1, "3.3": 0.1 });
    const moves = movesOf(architecture, { alphas, cost: price(architecture), costOf: price });
    expect(moves.at(-1)!.action).to.deep.include({ action: "narrow", stage: 3, width: 16 });
  });

  it("reports where no action saves anything", async () => {
    const one: EfficientFormerSize = { widths: [16, 16, 16, 16], depths: [1, 1, 1, 1], attentionBlocks: 0 };
    const space = searchSpace(one);
    const problem = await problemOf({ space });
    const { found, unreached } = await slim(problem, alphasOf(one), [
      { text: "9ms", cost: 9000 },
      { text: "1us", cost: 1e-3 },
    ]);
    expect(found.map(({ target: { text } }) => text)).to.deep.equal(["9ms"]);
    const cost = costOf(architectureOf(one), COSTS);
    expect(unreached.map(({ target: { text }, reason }) => [text, reason])).to.deep.equal([
      ["1us", `no action makes 16-16-16-16, 1-1-1-1 blocks, 0 MB3D cheaper than ${Number(cost.toPrecision(4))} ms`],
    ]);
  });

  it("reports the smallest cost that can be reached", () => {
    const { size, cost } = smallestOf(SPACE, COSTS);
    expect(size).to.deep.equal({ widths: [16, 16, 16, 16], depths: [1, 1, 1, 1], attentionBlocks: 0 });
    const text = `is below the smallest that can be reached, ${Number(cost.toPrecision(4))} ms with 16-16-16-16, 1-1-1-1 blocks, 0 MB3D; ask for more`;
    expect(failureOf(() => checkReachable(SPACE, COSTS, [target("0.9x"), target("2ms")]))).to.equal(
      `target 2ms ${text}`,
    );
    const share = failureOf(() => checkReachable(SPACE, COSTS, [target("0.1x")]));
    expect(share).to.equal(`target 0.1x (${Number((start / 10).toPrecision(4))} ms) ${text}`);
    expect(failureOf(() => checkReachable(SPACE, COSTS, [target("0.9x")]))).to.equal("no error");
  });

  it("finds the smallest cost where narrow stages are slow", () => {
    // Every part that is 16 wide is slow, so the smallest cost is at other widths; compared with an exhaustive search.
    const costs = new Map([...COSTS.costs].map(([name, cost]) => [name, / 16$|-16$|16-/.test(name) ? cost + 3 : cost]));
    const all: number[] = [];
    for (const a of [16, 32]) {
      for (const b of [16, 32]) {
        for (const c of [16, 32, 48]) {
          for (const d of [16, 32, 48, 64]) {
            for (const attentionBlocks of [0, 1]) {
              const size = { widths: [a, b, c, d], depths: [1, 1, 1, 1], attentionBlocks } as const;
              all.push(costOf(architectureOf(size), { ...COSTS, costs }));
            }
          }
        }
      }
    }
    expect(smallestOf(SPACE, { ...COSTS, costs }).cost).to.equal(Math.min(...all));
  });

  it("has the same log whether it was killed and resumed or not, and evaluates nothing twice", async () => {
    const alphas = alphasOf(START, { "2.2": 0.3, "4.2": 0.4 });
    const targets = [target("0.8x"), target("0.5x")];
    let evaluations = 0;
    const counting = (one: Architecture) => {
      evaluations++;
      return larger(one);
    };
    const wanted = await slim(await problemOf({ figures: counting }), alphas, targets);
    const whole = await readFile(join(folder, "log.jsonl"), "utf8");
    const lines = whole.trimEnd().split("\n");
    expect(evaluations).to.equal(lines.filter((line) => line.includes('"evaluation"')).length);
    for (const kept of [1, 3, Math.floor(lines.length / 2), lines.length - 1, lines.length]) {
      const half = kept < lines.length ? lines[kept]!.slice(0, 20) : "";
      await writeFile(join(folder, "killed.jsonl"), `${lines.slice(0, kept).join("\n")}\n${half}`);
      evaluations = 0;
      const problem = await problemOf({ figures: counting, file: "killed.jsonl", resume: true });
      const resumed = await slim(problem, alphas, targets);
      expect(await readFile(join(folder, "killed.jsonl"), "utf8")).to.equal(whole);
      expect(resumed).to.deep.equal(wanted);
      expect(evaluations).to.equal(lines.slice(kept).filter((line) => line.includes('"evaluation"')).length);
    }
    const other = await problemOf({ file: "killed.jsonl", resume: true });
    expect(await rejectionOf(slim(other, alphasOf(START), targets))).to.match(
      /killed\.jsonl:\d+: this is the log of another search \(other weights, costs, targets or options\); start over with --restart, or choose another folder with --out$/,
    );
  });

  it("reads targets, and names their faults", () => {
    expect(parseTarget("12ms", "latency", 20).cost).to.equal(12);
    expect(parseTarget("0.5x", "latency", 20).cost).to.equal(10);
    expect(parseTarget("1.5G", "macs", 20).cost).to.equal(1.5e9);
    expect(parseTarget("5M", "parameters", 20).cost).to.equal(5e6);
    expect(parseTarget("20MB", "memory", 20).cost).to.equal(2e7);
    for (const text of ["12", "ms", "-1ms", "0x", "12M", "", "1..2ms", "12toString"]) {
      expect(failureOf(() => parseTarget(text, "latency", 20))).to.equal(
        `target "${text}": expected a cost such as 12ms, or a share of the largest network's such as 0.8x`,
      );
    }
  });

  for (const baseline of BASELINES) {
    it(`is compared with ${baseline} networks that meet the same targets`, async () => {
      const targets = [target("0.8x"), target("0.5x")];
      const problem = await problemOf();
      const { found, unreached } = await runBaseline(baseline, problem, targets, { samples: 24 });
      expect(unreached).to.deep.equal([]);
      for (const {
        target: { cost: most, text },
        architecture,
        cost,
        accuracy,
      } of found) {
        expect(cost).to.equal(costOf(architecture, COSTS));
        expect(cost / most, text).to.be.within(0.7, 1);
        expect(accuracy).to.equal(larger(architecture).accuracy);
        const { attentionBlocks } = sizeOfArchitecture(architecture);
        expect(attentionBlocks).to.be.at.most(START.attentionBlocks);
      }
      const again = await problemOf({ file: "again.jsonl" });
      expect(await runBaseline(baseline, again, targets, { samples: 24 })).to.deep.equal({ found, unreached });
      const other = await problemOf({ file: "other.jsonl", seed: 1 });
      const differs = await runBaseline(baseline, other, targets, { samples: 3 });
      if (baseline !== "uniform") expect(differs.found).not.to.deep.equal(found);
    });
  }

  it("evolves better networks than it draws", async () => {
    const best = async (baseline: "random" | "evolutionary", seed: number) => {
      const problem = await problemOf({ seed, file: `${baseline}${seed}.jsonl` });
      const { found } = await runBaseline(baseline, problem, [target("0.6x")], { samples: 60 });
      return found[0]!.accuracy;
    };
    const gains = await Promise.all(
      [0, 1, 2, 3, 4].map(async (seed) => (await best("evolutionary", seed)) - (await best("random", seed))),
    );
    expect(gains.reduce((a, b) => a + b, 0)).to.be.above(0);
  });

  it("draws only networks of the supernet, also with MB3D in two stages", () => {
    for (const attentionBlocks of [0, 2, 5]) {
      const size = { ...START, depths: [2, 2, 4, 3], attentionBlocks } as const;
      const space = searchSpace(size);
      const names = new Set(partsOfSpace(space).map(partName));
      const random = Random.of("test", attentionBlocks);
      for (let i = 0; i < 300; i++) {
        const architecture = architectureWithin(space, randomSize(space, random));
        checkWithin(size, architecture);
        for (const part of partsOf(architecture)) expect(names, nameOf(architecture)).to.include(partName(part));
      }
    }
  });

  it("finds a size in the supernet: it keeps the first blocks, and the last ones where they are MB3D", () => {
    const size = { widths: [16, 16, 32, 48], depths: [1, 2, 2, 2], attentionBlocks: 1 } as const;
    const architecture = architectureWithin(SPACE, size);
    expect(nameOf(architecture)).to.equal("16-16-32-48 4-/44/44-/4-3");
    expect(sizeOfArchitecture(architecture)).to.deep.equal(size);
  });
});
