import type { AttributesOf, Node } from "../../graph/index.js";
import type { Emitter } from "./emitter.js";
import { ELEMENT_TYPES } from "./proto.js";
import type { Target } from "./target.js";

/** Keys' cubic convolution kernel with this constant, as PyTorch has it; and where it antialiases. */
const A = -0.75;
const A_ANTIALIASED = -0.5;

/** The weights of the pixels at offsets −1, 0, 1, 2 as polynomials of the offset in 0 … 1: factors of t³, t², t and 1. */
const TAPS = [
  { offset: -1, factors: [A, -2 * A, A, 0] },
  { offset: 0, factors: [A + 2, -(A + 3), 0, 1] },
  { offset: 1, factors: [-(A + 2), 2 * A + 3, -A, 0] },
  { offset: 2, factors: [-A, A, 0, 0] },
] as const;

/**
 * Bicubic resizing of the last two axes to a free size, one axis after the other: four pixels gathered for each
 * position, weighted and added. ONNX has an operator for it, which onnxruntime 1.31 computes ten times slower. To a
 * known size it is two products with constant matrices, the decomposition.
 */
export function lowerResizeBicubic(
  emit: Emitter,
  [x]: readonly string[],
  node: Node<AttributesOf<"resizeBicubic">>,
  { sizes }: Target,
): string | undefined {
  const [y] = node.outputs;
  const rank = y!.shape.length;
  if (!sizes.isFree(y!, rank - 2) && !sizes.isFree(y!, rank - 1)) return undefined;
  const resized = node.attributes.antialias ? antialiasedAxis : resizedAxis;
  return [rank - 2, rank - 1].reduce((map, axis) => {
    const from = node.inputs[0]!.shape[axis]!;
    const to = sizes.vector(emit, node, ({ outputs }) => [outputs[0]!.shape[axis]!]);
    return resized(emit, map, { axis, from, to, last: axis === rank - 1 });
  }, x!);
}

interface Resizing {
  readonly axis: number;
  readonly from: number;
  /** An int64 [1] tensor. */
  readonly to: string;
  readonly last: boolean;
}

function resizedAxis(emit: Emitter, x: string, { axis, from, to, last }: Resizing): string {
  const { low, share } = positions(emit, from, to);
  const taps = TAPS.map(({ offset, factors }) => {
    const place = emit.node("Add", [low, emit.int64([offset])]);
    const index = emit.node("Min", [emit.node("Max", [place, emit.int64([0])]), emit.int64([from - 1])]);
    const weight = polynomial(emit, share, factors);
    const along = last ? weight : emit.node("Unsqueeze", [weight, emit.int64([1])]);
    return emit.node("Mul", [emit.node("Gather", [x, index], { attributes: { axis } }), along]);
  });
  return taps.reduce((sum, tap) => emit.node("Add", [sum, tap]));
}

/**
 * With antialiasing the number of contributing pixels depends on the size: all pixels of the axis are weighted, most of
 * them by zero, with a matrix [to, from]. These tables are a few pixels wide.
 */
function antialiasedAxis(emit: Emitter, x: string, { from, to, last }: Resizing): string {
  const { low, share } = positions(emit, from, to);
  const float = (tensor: string) => emit.node("Cast", [tensor], { attributes: { to: ELEMENT_TYPES.float32 } });
  const position = emit.node("Unsqueeze", [emit.node("Add", [float(low), share]), emit.int64([1])]); // [to, 1]
  const pixels = emit.floats(Array.from({ length: from }, (_, j) => j));
  const unit = emit.node("Max", [emit.float(1), emit.node("Div", [emit.floats([from]), float(to)])]);
  const distance = emit.node("Div", [emit.node("Abs", [emit.node("Sub", [position, pixels])]), unit]);
  const a = A_ANTIALIASED;
  const near = polynomial(emit, emit.node("Min", [distance, emit.float(1)]), [a + 2, -(a + 3), 0, 1]);
  const beyond = emit.node("Min", [emit.node("Max", [distance, emit.float(1)]), emit.float(2)]);
  const far = polynomial(emit, beyond, [a, -5 * a, 8 * a, -4 * a]);
  const weights = emit.node("Add", [near, far]); // each is 0 where the other is not
  const ones = emit.node("Reshape", [emit.floats(Array.from({ length: from }, () => 1)), emit.int64([from, 1])]);
  const total = emit.node("MatMul", [weights, ones]);
  const matrix = emit.node("Div", [weights, total]);
  if (!last) return emit.node("MatMul", [matrix, x]);
  return emit.node("MatMul", [x, emit.node("Transpose", [matrix], { attributes: { perm: [1, 0] } })]);
}

/**
 * Place i lies at ((2i + 1) · from − to) / (2 · to) pixels: the whole part, int64, and the share of a pixel beyond it.
 * In whole numbers, so that nothing is rounded before the division.
 */
function positions(emit: Emitter, from: number, to: string): { readonly low: string; readonly share: string } {
  const float = (tensor: string) => emit.node("Cast", [tensor], { attributes: { to: ELEMENT_TYPES.float32 } });
  const count = emit.node("Squeeze", [to, emit.int64([0])]);
  const place = emit.node("Range", [emit.int64([0], []), count, emit.int64([1], [])]);
  const odd = emit.node("Add", [emit.node("Mul", [place, emit.int64([2])]), emit.int64([1])]);
  const numerator = emit.node("Sub", [emit.node("Mul", [odd, emit.int64([from])]), to]);
  const denominator = emit.node("Mul", [to, emit.int64([2])]);
  // The numerator is above −denominator; one more keeps it positive, where division rounds down.
  const positive = emit.node("Add", [numerator, denominator]);
  const low = emit.node("Sub", [emit.node("Div", [positive, denominator]), emit.int64([1])]);
  const rest = emit.node("Sub", [numerator, emit.node("Mul", [low, denominator])]);
  return { low, share: emit.node("Div", [float(rest), float(denominator)]) };
}

/** Horner's scheme. */
function polynomial(emit: Emitter, t: string, [first, ...factors]: readonly number[]): string {
  return factors.reduce(
    (value, factor) => emit.node("Add", [emit.node("Mul", [value, t]), emit.float(factor)]),
    emit.float(first!),
  );
}
