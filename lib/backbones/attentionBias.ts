import { z } from "zod";
import type { WeightAdapter } from "../nn/weightNames.js";

/*
 * A table of attention biases has, for each head, one number per absolute offset (|dy|, |dx|) between two tokens of a
 * side × side grid. Offsets are numbered by first appearance over pairs of tokens in row-major order; the first token
 * already has all of them, so offset (dy, dx) has the number dy · side + dx, and a head's row is an image.
 */

const DENSE_BIAS = ".attention_biases_seg";
const classifierName = (name: string): string => (name.endsWith(DENSE_BIAS) ? name.replace(/_seg$/, "") : "");

/** The config key: how attention biases start when a checkpoint has them for another size, such as a classifier's. */
export const attentionBiasKey = z
  .enum(["zeros", "resampled"])
  .default("zeros")
  .describe(
    "Attention biases where the weights are a classifier's: zeros, as the authors do; resampled: the classifier's, resized",
  );

export type AttentionBiasStart = z.output<typeof attentionBiasKey>;

/** Loads attention biases: a dense model's start from zero, or from the classifier's tables, resampled. */
export const attentionBiasAdapter = (start: AttentionBiasStart = attentionBiasKey.parse(undefined)): WeightAdapter => ({
  adapt({ name, shape }, find) {
    const isOwn = find(name) !== undefined;
    const from = isOwn ? name : classifierName(name);
    const found = find(from);
    if (found === undefined) return undefined;
    if (start === "resampled" && isOffsetTable(name, found, shape)) {
      return { from, change: (values) => resampleOffsetTable(values, shape[0]!, shape[1]!) };
    }
    return isOwn ? undefined : "initial";
  },
  isIdle: (name, wanted) =>
    name.endsWith(".attention_biases") && wanted.some((parameter) => parameter.name.endsWith(DENSE_BIAS)),
  adapted: "attention biases, resampled",
  initial:
    "attention biases start from zero, as the authors' do; model.backbone.attentionBias=resampled takes the classifier's",
});

/** Whether `name` is such a table and can be made from one of shape `found`. */
function isOffsetTable(name: string, found: readonly number[], wanted: readonly number[]): boolean {
  const isTable = (shape: readonly number[]) => shape.length === 2 && Number.isInteger(Math.sqrt(shape[1]!));
  return /\.attention_biases(_seg)?$/.test(name) && isTable(found) && isTable(wanted) && found[0] === wanted[0];
}

/**
 * Stretches a table to another side, so that the largest offset stays the largest: bilinear, corners on corners. For
 * other image sizes the dense model works differently: it spreads its table over pairs of cells and resizes those
 * bicubically.
 *
 * @param table [heads, from²]
 * @returns [heads, to²]
 */
export function resampleOffsetTable(table: Float32Array, heads: number, toCells: number): Float32Array {
  const from = Math.sqrt(table.length / heads);
  const to = Math.sqrt(toCells);
  const weights = Array.from({ length: to }, (_, i) => {
    const place = to === 1 ? 0 : (i * (from - 1)) / (to - 1);
    const low = Math.min(Math.floor(place), Math.max(0, from - 2));
    return { low, high: Math.min(low + 1, from - 1), share: place - low };
  });
  const result = new Float32Array(heads * toCells);
  for (let head = 0; head < heads; head++) {
    const at = (y: number, x: number): number => table[(head * from + y) * from + x]!;
    weights.forEach((row, y) => {
      weights.forEach((column, x) => {
        const upper = blend(at(row.low, column.low), at(row.low, column.high), column.share);
        const lower = blend(at(row.high, column.low), at(row.high, column.high), column.share);
        result[(head * to + y) * to + x] = blend(upper, lower, row.share);
      });
    });
  }
  return result;
}

const blend = (a: number, b: number, share: number): number => a + (b - a) * share;
