import type { EfficientFormerSize } from "../backbones/efficientformerSizes.js";
import type { Config } from "../config/schema.js";
import type { ExpectedLatency } from "../training/architecture.js";
import { corrected, NO_CORRECTION } from "./correction.js";
import { checkComplete, type PartCosts } from "./costs.js";
import { readCsvTable } from "./csvTable.js";
import { type Part, partName, partsOfFullWidth } from "./parts.js";
import { supernetSize } from "./supernet.js";
import { latencyCosts, readTable } from "./tableFile.js";

/**
 * The expected cost of a supernet's networks at its full widths, if each MetaPath were drawn independently by its shares: the
 * sum over the parts, each weighted by its probability. The switch to tokens has the probability that the stage has an MB3D.
 *
 * @throws UserError where a part has no cost
 */
export function expectedCostOf(size: EfficientFormerSize, table: PartCosts): ExpectedLatency {
  const parts = partsOfFullWidth(size);
  checkComplete(parts, table);
  const always = parts.filter(({ kind }) => kind === "stem" || kind === "embedding" || kind === "head");
  const { costs, correction = NO_CORRECTION } = table;
  return (paths) => {
    let [sum, count] = [0, 0];
    const add = (part: Part, likely: number) => {
      if (likely === 0) return;
      sum += likely * costs.get(partName(part))!;
      count += likely;
    };
    for (const part of always) add(part, 1);
    for (const [i, width] of size.widths.entries()) {
      const stage = i + 1;
      const shares = paths.filter((path) => path.stage === stage).map(({ share }) => share);
      for (const { MB4D = 0, MB3D = 0 } of shares) {
        add({ kind: "MB4D", stage, width }, MB4D);
        add({ kind: "MB3D", stage, width }, MB3D);
      }
      const attends = 1 - shares.reduce((none, { MB3D = 0 }) => none * (1 - MB3D), 1);
      // The head takes tokens in any case; elsewhere they are turned back into maps.
      add({ kind: "switch", stage, width }, i === 3 ? 1 : 2 * attends);
    }
    return corrected(correction, { sum, parts: count });
  };
}

/**
 * The expected cost for the log of a training run, if its config names a table.
 *
 * @throws UserError where the table cannot be read or lacks a part
 */
export async function openExpectedCost(config: Config): Promise<ExpectedLatency | undefined> {
  const path = config.training.architecture?.latencies;
  if (path === undefined) return undefined;
  const table = path.endsWith(".csv") ? await readCsvTable(path) : latencyCosts(await readTable(path), path);
  return expectedCostOf(supernetSize(config), table);
}
