import type { Compared } from "../../tasks/comparison.js";

/** How far an exported file's outputs are from the model's. */
export interface VerifyResult extends Compared {
  readonly model: string;
  readonly weights: string;
  readonly tolerance: number;
  readonly images: number;
  /** On the validation set. */
  readonly metrics?: {
    readonly model: Readonly<Record<string, number>>;
    readonly file: Readonly<Record<string, number>>;
  };
  readonly passed: boolean;
  /** What exceeds the tolerance, in words. */
  readonly failures: readonly string[];
}

type Measured = Omit<VerifyResult, "passed" | "failures">;

/** What exceeds the tolerance. `side` is the longer side of the network's input, which boxes are measured against. */
export function judged(measured: Measured, side: number): VerifyResult {
  const { tolerance, outputs, found, map, metrics } = measured;
  const failures: string[] = [];
  const limit = (what: string, value: number, most: number) => {
    if (!(value <= most)) failures.push(`${what}: ${show(value)} is more than ${show(most)}`);
  };
  for (const [name, { relative }] of Object.entries(outputs))
    limit(`${name}, relative difference`, relative, tolerance);
  if (found !== undefined) {
    limit("boxes, difference in pixels", found.box, tolerance * side);
    limit("scores, difference", found.score, tolerance);
    limit("objects that only one of the two finds", found.unmatched, Math.floor(tolerance * found.pairs));
    if (found.mask !== undefined) limit("masks, share of pixels that differ", found.mask, tolerance);
  }
  if (map !== undefined) limit("label maps, share of pixels that differ", map, tolerance);
  if (metrics !== undefined) {
    for (const [name, value] of Object.entries(metrics.model)) {
      limit(`${name}, difference`, Math.abs(value - (metrics.file[name] ?? Number.NaN)), tolerance);
    }
  }
  return { ...measured, passed: failures.length === 0, failures };
}

export const show = (value: number): string => (value === 0 ? "0" : Number(value.toPrecision(3)).toString());
