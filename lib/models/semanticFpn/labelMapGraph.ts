import { argMax, cast, resizeBilinear, type Value } from "../../graph/index.js";

/** Logits [B, K, h, w] → the likeliest class of each pixel, uint8 [B, height, width]. */
export function labelMap(logits: Value, size: readonly [height: number, width: number]): Value {
  return cast(argMax(resizeBilinear(logits, size), 1), "uint8");
}
