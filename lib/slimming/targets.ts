import { UserError } from "../errors.js";
import type { CostKind } from "./costs.js";

/** The cost that a search is to reach. */
export interface Target {
  /** As it was given: "12ms", "0.8x". */
  readonly text: string;
  readonly cost: number;
}

interface Unit {
  /** Suffixes, with their value in the unit that costs are counted in. */
  readonly suffixes: Readonly<Record<string, number>>;
  readonly example: string;
  /** The unit that costs are shown in; it is `divisor` of the unit that they are counted in. */
  readonly name: string;
  readonly divisor: number;
}

const COST_UNITS: Readonly<Record<CostKind, Unit>> = {
  latency: { suffixes: { ms: 1, us: 1e-3, s: 1e3 }, example: "12ms", name: "ms", divisor: 1 },
  macs: { suffixes: { M: 1e6, G: 1e9 }, example: "300M", name: "MMAC", divisor: 1e6 },
  parameters: { suffixes: { k: 1e3, M: 1e6 }, example: "5M", name: "M parameters", divisor: 1e6 },
  memory: { suffixes: { kB: 1e3, MB: 1e6, GB: 1e9 }, example: "20MB", name: "MB", divisor: 1e6 },
};

/** The unit for plots and lists. */
export const unitOf = (kind: CostKind): Pick<Unit, "name" | "divisor"> => COST_UNITS[kind];

/** "12.3 ms" */
export function showCost(kind: CostKind, cost: number): string {
  const { name, divisor } = unitOf(kind);
  return `${Number((cost / divisor).toPrecision(4))} ${name}`;
}

/**
 * Parses a target: a cost with its unit, or a share of the start's cost such as `0.8x`.
 *
 * @throws UserError where it is invalid
 */
export function parseTarget(text: string, kind: CostKind, start: number): Target {
  const { suffixes, example } = COST_UNITS[kind];
  const [, number = "", suffix = ""] = /^([\d.]+(?:e[+-]?\d+)?)\s*([a-zA-Z]+)$/.exec(text.trim()) ?? [];
  const value = Number(number);
  const unit = suffix === "x" ? start : Object.hasOwn(suffixes, suffix) ? suffixes[suffix] : undefined;
  if (number === "" || !Number.isFinite(value) || value <= 0 || unit === undefined) {
    throw new UserError(
      `target "${text}": expected a cost such as ${example}, or a share of the largest network's such as 0.8x`,
      2,
    );
  }
  return { text: text.trim(), cost: value * unit };
}
