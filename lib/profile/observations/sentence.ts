import { roughly } from "../setting.js";
import { type Estimate, halfWidth } from "../statistics.js";

/** A variant compared with the first one. */
export interface Compared {
  readonly name: string;
  /** Its time ÷ the first's. */
  readonly ratio: Estimate;
  readonly paper?: "slower" | undefined;
}

/**
 * An experiment's result as a sentence: "GELU takes 1.32 times (1.30–1.34) as long as ReLU, SiLU 1.10 times (1.08–1.12); slower,
 * as in the paper." A ratio whose interval is wider than asked for is not given.
 */
export function sentenceOf(first: string, others: readonly Compared[], within: number): string {
  const known = others.filter((other) => isKnown(other, within));
  const unknown = others.filter((other) => !isKnown(other, within));
  const clauses: string[] = [];
  const [leading, ...rest] = known;
  if (leading !== undefined) {
    const found = [
      `${leading.name} takes ${times(leading.ratio)} as long as ${first}`,
      ...rest.map(({ name, ratio }) => `${name} ${times(ratio)}`),
    ];
    clauses.push(`${found.join(", ")}${unknown.length === 0 ? verdict(known) : ""}`);
  }
  if (unknown.length > 0) clauses.push(noise(unknown, within));
  return upperFirst(`${clauses.join("; ")}.`);
}

export const isKnown = ({ ratio }: Compared, within: number): boolean => halfWidth(ratio) <= within;

/** "1.32 times (1.30–1.34)" */
const times = ({ median, low, high }: Estimate): string =>
  `${median.toFixed(2)} times (${low.toFixed(2)}–${high.toFixed(2)})`;

function noise(unknown: readonly Compared[], within: number): string {
  const reached = unknown.map(({ name, ratio }) => `${name} (± ${roughly(halfWidth(ratio))})`);
  const rounds = Math.max(...unknown.map(({ ratio }) => ratio.rounds));
  return `the machine is too noisy for ${reached.join(", ")}: ± ${roughly(within)} was asked for, ${rounds} rounds were made`;
}

/** A difference too small to choose a design for. */
const NEGLIGIBLE = 0.05;

/** Whether the variants that the paper calls slower are slower here, by more than a negligible amount. */
function verdict(known: readonly Compared[]): string {
  const judged = known.filter(({ paper }) => paper !== undefined);
  if (judged.length === 0) return "";
  const slower = judged.filter(({ ratio }) => ratio.low > 1 + NEGLIGIBLE).length;
  if (slower === judged.length) return "; slower, as in the paper";
  return slower === 0
    ? `; not slower by ${100 * NEGLIGIBLE} %, unlike in the paper`
    : "; slower in part, as in the paper";
}

const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
