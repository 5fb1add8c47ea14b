import { add, sub } from "../operators/elementwise.js";
import { filled } from "../operators/leaves.js";
import { channelAffine, channelScale } from "../operators/normalisation.js";
import type { Value } from "../value.js";
import { constantTest, madeBy } from "./patterns.js";
import { type Outputs, rewrite } from "./rewrite.js";

/**
 * x + (s · (p − x) + t) as (1 − s) · x + t + s · p, with one factor s per channel: the residual pooling of
 * EfficientFormer. The difference is no longer computed, and both affines can be folded into the operators before or
 * after x and p.
 */
export function blend(outputs: Outputs): Outputs {
  const isConstant = constantTest(outputs);
  return rewrite(outputs, (value) => {
    const sum = madeBy(value, "add");
    if (sum === undefined) return undefined;
    const [a, b] = sum.inputs as [Value, Value];
    return blended(a, b) ?? blended(b, a);
  });

  function blended(x: Value, branch: Value): Value | undefined {
    const [difference, scale, shift] = madeBy(branch, "channelAffine")?.inputs ?? [];
    if (difference === undefined || !isConstant(scale!) || !isConstant(shift!)) return undefined;
    const [p, subtracted] = madeBy(difference, "sub")?.inputs ?? [];
    if (p === undefined || subtracted !== x || p.shape.length !== x.shape.length) return undefined;
    const rest = sub(filled(scale!.shape, 1), scale!);
    return add(channelAffine(x, rest, shift!), channelScale(p, scale!));
  }
}
