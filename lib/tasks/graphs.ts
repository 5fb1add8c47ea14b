import type { Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import type { Outputs } from "./task.js";

type Maps = (images: Value, context: Context) => readonly Value[];

/**
 * Maps by name: the letter and log2 of the first map's stride, counted up from there, because later maps may share a
 * stride.
 */
export function namedMaps(letter: string, strides: readonly number[], forward: Maps) {
  const first = Math.log2(strides[0]!);
  return (images: Value, context: Context): Outputs =>
    Object.fromEntries(forward(images, context).map((map, i) => [`${letter}${first + i}`, map]));
}
