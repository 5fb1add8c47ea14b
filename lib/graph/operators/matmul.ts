import { apply, check, type Operator, sizeOf, type Value } from "../value.js";
import { broadcastShapes, sumTo } from "./broadcasting.js";

/** Of `matMulOperator`: whether the last two axes of an operand are swapped first. */
export interface MatMulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Batched matrix product over the last two axes, op(a) [..., m, k] · op(b) [..., k, n]; leading axes broadcast. */
export const matMulOperator: Operator<MatMulAttributes> = {
  name: "matMul",
  half: "product",
  infer: ([a, b], { transposeA, transposeB }) => {
    check(a!.shape.length >= 2 && b!.shape.length >= 2, () => "operands have two axes or more");
    const [m, k] = lastTwo(a!.shape, transposeA);
    const [k2, n] = lastTwo(b!.shape, transposeB);
    check(k === k2, () => `inner sizes ${k} and ${k2} differ`);
    return [{ shape: [...broadcastShapes(a!.shape.slice(0, -2), b!.shape.slice(0, -2)), m, n], dtype: a!.dtype }];
  },
  gradient: ({ inputs, attributes: { transposeA, transposeB } }, [g]) => {
    const [a, b] = inputs as [Value, Value];
    // y = op(a)·op(b): d op(a) = g·op(b)ᵀ and d op(b) = op(a)ᵀ·g, transposed once more if the operand was.
    const ga = transposeA
      ? matMul(b, g!, { transposeA: transposeB, transposeB: true })
      : matMul(g!, b, { transposeB: !transposeB });
    const gb = transposeB
      ? matMul(g!, a, { transposeA: true, transposeB: transposeA })
      : matMul(a, g!, { transposeA: !transposeA });
    return [sumTo(ga, a.shape), sumTo(gb, b.shape)];
  },
  macs: ({ inputs: [a], outputs: [y], attributes: { transposeA } }) =>
    sizeOf(y!.shape) * lastTwo(a!.shape, transposeA)[1],
};

function lastTwo(shape: readonly number[], transposed: boolean): [rows: number, columns: number] {
  const rows = shape.at(-2)!;
  const columns = shape.at(-1)!;
  return transposed ? [columns, rows] : [rows, columns];
}

/** Matrix product over the last two axes, [..., m, k] · [..., k, n]; leading axes broadcast. */
export function matMul(a: Value, b: Value, { transposeA = false, transposeB = false } = {}): Value {
  return apply(matMulOperator, [a, b], { transposeA, transposeB });
}
