import type { Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import type { Outputs } from "./task.js";

type Maps = (images: Value, context: Context) => readonly Value[];

/** Maps by name: the letter and the power of two that their stride is. */
export function namedMaps(letter: string, strides: readonly number[], forward: Maps) {
  return (images: Value, context: Context): Outputs =>
    Object.fromEntries(forward(images, context).map((map, i) => [`${letter}${Math.log2(strides[i]!)}`, map]));
}
