import { UserError } from "../errors.js";
import { counted, pick } from "../words.js";
import type { Architecture } from "./architecture.js";
import { type Correction, corrected } from "./correction.js";
import { type Part, partName, partsOf } from "./parts.js";

/** Time, multiply-adds, parameters, or bytes of activations. */
export const COST_KINDS = ["latency", "macs", "parameters", "memory"] as const;
export type CostKind = (typeof COST_KINDS)[number];

/** What each part of a network costs. */
export interface PartCosts {
  readonly kind: CostKind;
  /** A readable source of the costs: a table's file, or "counted". */
  readonly source: string;
  /** By `partName`: milliseconds, multiply-adds, numbers, bytes. */
  readonly costs: ReadonlyMap<string, number>;
  /** Corrects for parts not adding up; default none. */
  readonly correction?: Correction;
}

/**
 * The cost of a network: the sum of its parts' costs, corrected where there is a correction.
 *
 * @throws UserError naming the parts that have no cost
 */
export function costOf(architecture: Architecture, { costs, correction, source }: PartCosts): number {
  const parts = partsOf(architecture);
  const sum = parts.reduce((total, part) => total + (costs.get(partName(part)) ?? Number.NaN), 0);
  if (Number.isNaN(sum)) throw incomplete(parts, { costs, source });
  return correction === undefined ? sum : corrected(correction, { sum, parts: parts.length });
}

const NAMED = 5;

/** @throws UserError where a part has no cost */
export function checkComplete(parts: readonly Part[], table: Pick<PartCosts, "costs" | "source">): void {
  if (parts.some((part) => !table.costs.has(partName(part)))) throw incomplete(parts, table);
}

function incomplete(parts: readonly Part[], { costs, source }: Pick<PartCosts, "costs" | "source">): UserError {
  const missing = [...new Set(parts.map(partName))].filter((name) => !costs.has(name));
  const some = `${missing.slice(0, NAMED).join(", ")}${missing.length > NAMED ? ", …" : ""}`;
  return new UserError(
    `${source}: the table is incomplete: ${counted(missing.length, "part")} of these networks ${pick(missing.length, "is", "are")} not in it (${some}); ` +
      "complete it with densekit slim table … --resume, or measure one for this config",
  );
}
