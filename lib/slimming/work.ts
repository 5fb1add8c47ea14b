import { nodeCosts } from "../graph/cost.js";
import { sizeOf } from "../graph/index.js";
import { rearrange } from "../graph/passes/optimise.js";
import type { CostKind, PartCosts } from "./costs.js";
import { countedGraph, type PartSetting } from "./partGraph.js";
import { type Part, partName } from "./parts.js";

/** Costs that can be counted in a part's graph. */
export const COUNTED = ["macs", "parameters", "memory"] as const satisfies readonly CostKind[];
export type Counted = (typeof COUNTED)[number];

/** Costs that need no measurement: counted in the graph of each part, its batch norms folded. */
export function countedCosts(kind: Counted, parts: readonly Part[], setting: PartSetting): PartCosts {
  const once = new Map(parts.map((part) => [partName(part), part]));
  const costs = new Map(Array.from(once, ([name, part]) => [name, COUNTERS[kind](part, setting)]));
  return { kind, source: `${kind}, counted`, costs };
}

const COUNTERS: Readonly<Record<Counted, (part: Part, setting: PartSetting) => number>> = {
  macs: (part, setting) => total(costsOf(part, setting).map(({ macs }) => macs)),
  parameters: (part, setting) =>
    total(countedGraph(part, setting).parameters.map(({ role, shape }) => (role === "buffer" ? 0 : sizeOf(shape)))),
  memory: (part, setting) => total(costsOf(part, setting).map(({ bytesWritten }) => bytesWritten)),
};

const costsOf = (part: Part, setting: PartSetting) =>
  nodeCosts(rearrange(countedGraph(part, setting).outputs), { isParameter: () => false });

const total = (figures: readonly number[]): number => figures.reduce((a, b) => a + b, 0);
