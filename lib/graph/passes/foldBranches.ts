import { conv2dOperator } from "../operators/convolution.js";
import { add } from "../operators/elementwise.js";
import { constant } from "../operators/leaves.js";
import { pad } from "../operators/shaping.js";
import type { AttributesOf } from "../operators.js";
import { apply, type Node, sameShape, type Value } from "../value.js";
import { constantTest, countUses, madeBy } from "./patterns.js";
import { type Outputs, rewrite } from "./rewrite.js";

type Convolution = Node<AttributesOf<"conv2d">>;

/**
 * Structural re-parameterisation (Ding et al. 2021, "RepVGG"): convolutions of one map whose results are added,
 * possibly with the map itself, become one convolution. The new kernels and biases are written as operators on
 * constants, for `foldConstants`.
 */
export function foldBranches(outputs: Outputs): Outputs {
  const isConstant = constantTest(outputs);
  const uses = countUses(outputs);
  /** A convolution that keeps the size of its map, and whose result is not used elsewhere. */
  const branchOf = (value: Value): Convolution | undefined => {
    const conv = madeBy(value, "conv2d");
    if (conv === undefined || uses(value) !== 1 || !conv.inputs.slice(1).every(isConstant)) return undefined;
    return keepsSize(conv) ? conv : undefined;
  };
  return rewrite(outputs, (value) => {
    const sum = madeBy(value, "add");
    if (sum === undefined) return undefined;
    const [a, b] = sum.inputs as [Value, Value];
    const [first, second] = [branchOf(a), branchOf(b)];
    if (first !== undefined && second !== undefined) return joined(first, second);
    if (first !== undefined) return withIdentity(first, b);
    return second === undefined ? undefined : withIdentity(second, a);
  });
}

function keepsSize({ inputs: [, w], attributes: { stride, padding, dilation } }: Convolution): boolean {
  const [height, width] = w!.shape.slice(2) as [number, number];
  const around = [height, width, height, width].map((side) => (side - 1) / 2);
  return [...stride, ...dilation].every((n) => n === 1) && padding.every((n, i) => n === around[i]);
}

function joined(a: Convolution, b: Convolution): Value | undefined {
  if (a.inputs[0] !== b.inputs[0] || a.attributes.groups !== b.attributes.groups) return undefined;
  const areaOf = ({ inputs: [, w] }: Convolution) => w!.shape[2]! * w!.shape[3]!;
  const [large, small] = areaOf(a) >= areaOf(b) ? [a, b] : [b, a];
  const [x, w, bias] = large.inputs as [Value, Value, Value | undefined];
  const [, smaller, otherBias] = small.inputs as [Value, Value, Value | undefined];
  if (smaller.shape[2]! > w.shape[2]! || smaller.shape[3]! > w.shape[3]!) return undefined; // 1×5 beside 3×3
  const kernel = add(w, centred(smaller, w.shape));
  const sum = bias !== undefined && otherBias !== undefined ? add(bias, otherBias) : (bias ?? otherBias);
  return apply(conv2dOperator, sum === undefined ? [x, kernel] : [x, kernel, sum], large.attributes);
}

/** The convolution plus its input map: adds 1 in the middle of each channel's kernel. */
function withIdentity(conv: Convolution, map: Value): Value | undefined {
  const [x, w, ...bias] = conv.inputs as [Value, Value, ...Value[]];
  if (x !== map || !sameShape(conv.outputs[0]!.shape, map.shape)) return undefined;
  const [out, perGroup] = w.shape as [number, number];
  const ones = new Float32Array(out * perGroup);
  for (let o = 0; o < out; o++) ones[o * perGroup + (o % perGroup)] = 1;
  const kernel = add(w, centred(constant(ones, [out, perGroup, 1, 1]), w.shape));
  return apply(conv2dOperator, [x, kernel, ...bias], conv.attributes);
}

/** A kernel padded with zeros to the height and width of another. */
function centred(w: Value, shape: readonly number[]): Value {
  return [2, 3].reduce((kernel, axis) => {
    const around = (shape[axis]! - w.shape[axis]!) / 2;
    return pad(kernel, { axis, before: around, after: around });
  }, w);
}
