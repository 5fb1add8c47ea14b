import { reshape, sum } from "../operators/broadcasting.js";
import { conv2dOperator, convTranspose2dOperator } from "../operators/convolution.js";
import { add, mul } from "../operators/elementwise.js";
import { channelAffine } from "../operators/normalisation.js";
import type { AttributesOf } from "../operators.js";
import { apply, type Node, type Value } from "../value.js";
import { constantTest, countUses, madeBy } from "./patterns.js";
import { type Outputs, rewrite } from "./rewrite.js";
import { firstOf } from "./simplify.js";

/**
 * Folds constant affines per channel (batch norm with known statistics, layer scale) into the kernel and the bias of
 * the convolution before or after them, and into each other. The new kernels and biases are written as operators on
 * constants, for `foldConstants`.
 */
export function foldAffine(outputs: Outputs): Outputs {
  const isConstant = constantTest(outputs);
  const uses = countUses(outputs);
  /** Folding into something that others need too would mean computing it twice. */
  const ownConstant = (node: Pick<Node, "inputs" | "outputs">, firstConstant: number) =>
    node.outputs.every((output) => uses(output) === 1) && node.inputs.slice(firstConstant).every(isConstant);

  const affineOnTop = (value: Value): Value | undefined => {
    const affine = madeBy(value, "channelAffine");
    if (affine === undefined || !affine.inputs.slice(1).every(isConstant)) return undefined;
    const [x, scale, shift] = affine.inputs as [Value, Value, Value];
    if (!ownConstant(x.node, 1)) return undefined;
    const conv = madeBy(x, "conv2d");
    if (conv !== undefined) return scaledConvolution(conv, scale, shift);
    const deconv = madeBy(x, "convTranspose2d");
    if (deconv !== undefined) return scaledTransposedConvolution(deconv, scale, shift);
    const inner = madeBy(x, "channelAffine");
    if (inner === undefined) return undefined;
    const [innermost, scale1, shift1] = inner.inputs as [Value, Value, Value];
    return channelAffine(innermost, mul(scale1, scale), add(mul(shift1, scale), shift));
  };

  const affineBelow = (value: Value): Value | undefined => {
    const conv = madeBy(value, "conv2d");
    if (conv === undefined || !conv.inputs.slice(1).every(isConstant)) return undefined;
    const affine = madeBy(conv.inputs[0]!, "channelAffine");
    // Zeros around the map would be shifted too, so only a convolution without padding can absorb the shift.
    const exact = conv.attributes.groups === 1 && conv.attributes.padding.every((n) => n === 0);
    return affine !== undefined && exact && ownConstant(affine, 1)
      ? shiftedConvolution(conv, affine.inputs)
      : undefined;
  };

  return rewrite(outputs, firstOf(affineOnTop, affineBelow));
}

/** scale · (w ∗ x + b) + shift = (scale · w) ∗ x + (scale · b + shift) */
function scaledConvolution(conv: Node<AttributesOf<"conv2d">>, scale: Value, shift: Value): Value {
  const [x, w, bias] = conv.inputs as [Value, Value, Value | undefined];
  const kernel = mul(w, reshape(scale, [scale.shape[0]!, 1, 1, 1]));
  const shifted = bias === undefined ? shift : add(mul(bias, scale), shift);
  return apply(conv2dOperator, [x, kernel, shifted], conv.attributes);
}

/** The same with a kernel [C, O / groups, kh, kw], its outputs spread over the groups of its inputs. */
function scaledTransposedConvolution(conv: Node<AttributesOf<"convTranspose2d">>, scale: Value, shift: Value): Value {
  const [x, w] = conv.inputs as [Value, Value];
  const { groups } = conv.attributes;
  const [channels, perGroup, kh, kw] = w.shape as [number, number, number, number];
  const grouped = reshape(w, [groups, channels / groups, perGroup, kh, kw]);
  const kernel = reshape(mul(grouped, reshape(scale, [groups, 1, perGroup, 1, 1])), w.shape);
  return add(
    apply(convTranspose2dOperator, [x, kernel], conv.attributes),
    reshape(shift, [1, groups * perGroup, 1, 1]),
  );
}

/** w ∗ (scale · x + shift) + b = (w · scale) ∗ x + (b + Σ w · shift) */
function shiftedConvolution(conv: Node<AttributesOf<"conv2d">>, affine: readonly Value[]): Value {
  const [, w, bias] = conv.inputs as [Value, Value, Value | undefined];
  const [x, scale, shift] = affine as readonly [Value, Value, Value];
  const alongInputs = (vector: Value) => reshape(vector, [1, vector.shape[0]!, 1, 1]);
  const constantPart = sum(mul(w, alongInputs(shift)), { axes: [1, 2, 3] });
  const shifted = bias === undefined ? constantPart : add(bias, constantPart);
  return apply(conv2dOperator, [x, mul(w, alongInputs(scale)), shifted], conv.attributes);
}
