import { UserError } from "../errors.js";
import type { CostKind } from "./costs.js";

/** A cost that a search is to reach. */
export interface Target {
  /** As it was given: "12ms", "0.8x". */
  readonly text: string;
  readonly cost: number;
}

interface Unit {
  /** Suffixes, with what one of them is in the unit that costs are counted in. */
  readonly suffixes: Readonly<Record<string, number>>;
  readonly example: string;
  readonly show: (cost: number) => string;
}

const figures = (value: number): string => String(Number(value.toPrecision(4)));

export const COST_UNITS: Readonly<Record<CostKind, Unit>> = {
  latency: { suffixes: { ms: 1, us: 1e-3, s: 1e3 }, example: "12ms", show: (cost) => `${figures(cost)} ms` },
  macs: { suffixes: { M: 1e6, G: 1e9 }, example: "300M", show: (cost) => `${figures(cost / 1e6)} MMAC` },
  parameters: { suffixes: { k: 1e3, M: 1e6 }, example: "5M", show: (cost) => `${figures(cost / 1e6)} M parameters` },
  memory: { suffixes: { kB: 1e3, MB: 1e6, GB: 1e9 }, example: "20MB", show: (cost) => `${figures(cost / 1e6)} MB` },
};

/** "12.3 ms" */
export const showCost = (kind: CostKind, cost: number): string => COST_UNITS[kind].show(cost);

/**
 * Reads a target: a cost with its unit, or a share of the start's such as `0.8x`.
 *
 * @throws UserError where it is none
 */
export function parseTarget(text: string, kind: CostKind, start: number): Target {
  const { suffixes, example } = COST_UNITS[kind];
  const [, number = "", suffix = ""] = /^([\d.]+(?:e[+-]?\d+)?)\s*([a-zA-Z]+)$/.exec(text.trim()) ?? [];
  const value = Number(number);
  const unit = suffix === "x" ? start : Object.hasOwn(suffixes, suffix) ? suffixes[suffix] : undefined;
  if (number === "" || !Number.isFinite(value) || value <= 0 || unit === undefined) {
    throw new UserError(`target "${text}": expected such as ${example}, or a share of the start such as 0.8x`, 2);
  }
  return { text: text.trim(), cost: value * unit };
}

/** How costs are drawn and listed: so many of the unit that they are counted in make one of this name. */
export const unitOf = (kind: CostKind): { readonly divisor: number; readonly name: string } => UNITS[kind];

const UNITS = {
  latency: { divisor: 1, name: "ms" },
  macs: { divisor: 1e6, name: "MMAC" },
  parameters: { divisor: 1e6, name: "M parameters" },
  memory: { divisor: 1e6, name: "MB" },
} as const satisfies Readonly<Record<CostKind, { readonly divisor: number; readonly name: string }>>;
