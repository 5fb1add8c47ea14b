import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { EfficientFormerSize } from "../../lib/backbones/efficientformerSizes.js";
import { pathsOfSupernet } from "../../lib/backbones/efficientformerSupernet.js";
import { resolveConfig } from "../../lib/config/load.js";
import type { ArchitectureEvent } from "../../lib/loggers/events.js";
import { readHistory } from "../../lib/runs/history.js";
import { architectureOf, type PathChoice } from "../../lib/slimming/architecture.js";
import { costOf, type PartCosts } from "../../lib/slimming/costs.js";
import { expectedCostOf } from "../../lib/slimming/expectedCost.js";
import { partName, partsOfSpace } from "../../lib/slimming/parts.js";
import { searchSpace } from "../../lib/slimming/space.js";
import { train } from "../../lib/slimming/train.js";
import { train as trainRun } from "../../lib/training/train.js";
import { backboneConfig } from "../support/backboneGoldens.js";
import { userMessage } from "../support/failure.js";
import { gridConfig, writeGridData } from "../support/grid.js";

const SIZE: EfficientFormerSize = { widths: [16, 16, 32, 32], depths: [2, 1, 2, 1], attentionBlocks: 2 };

const names = partsOfSpace(searchSpace(SIZE)).map(partName);
/** Costs for which no two sums are equal. */
const TABLE: PartCosts = {
  kind: "latency",
  source: "table",
  costs: new Map(names.map((name, i) => [name, 1 + Math.sqrt(i)])),
};

/** The log's paths if each MetaPath has one choice, or the given shares. */
function pathsWith(
  shareOf: (choices: readonly PathChoice[], at: { stage: number; block: number }) => readonly number[],
) {
  return pathsOfSupernet(SIZE).map(({ stage, block, choices }): ArchitectureEvent["paths"][number] => {
    const share = shareOf(choices, { stage, block });
    const named = Object.fromEntries(choices.map((choice, i) => [choice, share[i]!]));
    return { stage: stage + 1, block: block + 1, alpha: named, share: named };
  });
}

describe("the expected cost of a supernet's networks", () => {
  const certainly = (paths: readonly (readonly PathChoice[])[]) =>
    pathsWith((choices, { stage, block }) => choices.map((choice) => Number(choice === paths[stage]![block])));

  it("is that of the network if each MetaPath has one choice", () => {
    const expected = expectedCostOf(SIZE, TABLE);
    for (const attentionBlocks of [0, 1, 2]) {
      const architecture = architectureOf({ ...SIZE, attentionBlocks });
      expect(expected(certainly(architecture.paths))).to.be.closeTo(costOf(architecture, TABLE), 1e-9);
    }
    const paths = [["identity", "MB4D"], ["MB4D"], ["MB4D", "identity"], ["MB3D"]] as const;
    expect(expected(certainly(paths))).to.be.closeTo(costOf({ widths: SIZE.widths, paths }, TABLE), 1e-9);
  });

  it("is the mean over networks drawn by the shares, corrected", () => {
    const correction = { scale: 0.9, perPart: 0.01, constant: 0.3 };
    const expected = expectedCostOf(SIZE, { ...TABLE, correction });
    const shares = pathsWith((choices) => (choices.length === 2 ? [0.7, 0.3] : [0.2, 0.5, 0.3]));
    // Every combination of choices by its probability, including stages without blocks and MB4D after MB3D.
    let mean = 0;
    const visit = (at: number, likely: number, chosen: readonly PathChoice[]): void => {
      const path = shares[at];
      if (path === undefined) {
        const paths = SIZE.depths.map((_, stage) => chosen.filter((_c, i) => shares[i]!.stage === stage + 1));
        mean += likely * costOf({ widths: SIZE.widths, paths }, { ...TABLE, correction });
        return;
      }
      for (const [choice, share] of Object.entries(path.share))
        visit(at + 1, likely * share, [...chosen, choice as PathChoice]);
    };
    visit(0, 1, []);
    expect(expected(shares)).to.be.closeTo(mean, 1e-6);
  });

  it("needs every part of the supernet", () => {
    const costs = new Map([...TABLE.costs].filter(([name]) => name !== "MB3D 4 32"));
    expect(() => expectedCostOf(SIZE, { ...TABLE, costs })).to.throw(
      /^table: the table is incomplete: 1 part .*\(MB3D 4 32\)/,
    );
  });

  it("is in the log of a run whose config names a table", async function () {
    this.timeout(120_000);
    const folder = mkdtempSync(join(tmpdir(), "expected-"));
    try {
      await writeGridData(folder);
      const rows = partsOfSpace(searchSpace(SIZE)).map((part) => {
        const {
          kind,
          width,
          stage = "",
          from = "",
        } = part as { kind: string; width: number; stage?: number; from?: number };
        return [kind, stage, from, width, TABLE.costs.get(partName(part))].join(",");
      });
      const latencies = join(folder, "phone.csv");
      writeFileSync(latencies, ["part,stage,from,width,ms", ...rows].join("\n"));
      const supernet = backboneConfig.parse({ type: "efficientformerSupernet", size: SIZE });
      const input = gridConfig("classification", supernet, folder);
      const overrides = ["training.steps=2", "training.logEvery=1", "training.architecture.warmup=0"];
      const { config } = resolveConfig(input, {
        overrides: [...overrides, `training.architecture.latencies=${latencies}`],
      });
      const { run } = await train({ config });
      const { architectures } = await readHistory(join(run, "log.jsonl"));
      const expected = expectedCostOf(SIZE, TABLE);
      expect(architectures.map(({ step }) => step)).to.deep.equal([1, 2]);
      for (const { paths, expectedLatency } of architectures)
        expect(expectedLatency).to.be.closeTo(expected(paths), 1e-9);
      expect(architectures[0]!.expectedLatency).not.to.equal(architectures[1]!.expectedLatency);
      const missing = resolveConfig(input, { overrides: ["training.architecture.latencies=none.csv"] }).config;
      expect(await userMessage(() => train({ config: missing }))).to.match(/^cannot read .*none\.csv/);
      const silent = await trainRun({ config, restart: true }).catch((error: unknown) => error);
      expect(silent).to.be.instanceOf(RangeError);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
