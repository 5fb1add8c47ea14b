/** Side of the tiles of outputs that are computed together. */
export const TILE = 4;
/** Side of the patch of inputs a tile depends on. */
export const PATCH = 6;

const KERNEL = 3;

/** Where the polynomials are evaluated, besides infinity. With these the error is less than half of that with 0, ±1, ±2. */
const POINTS = [0, 1, -1, 0.5, -2] as const;

type Matrix = readonly (readonly number[])[];

/** Bᵀ of one axis [6, 6]: row i holds the coefficients of Π (x − pⱼ) over the points other than the i-th. */
const input1d: Matrix = [...POINTS.map((_, i) => monic(POINTS.filter((_, j) => j !== i))), monic(POINTS)];

/** G of one axis [6, 3]: the kernel as a polynomial at the points, over what Bᵀ's polynomials are there. */
const kernel1d: Matrix = [
  ...POINTS.map((p, i) => {
    const scale = POINTS.reduce<number>((product, q, j) => (j === i ? product : product * (p - q)), 1);
    return powers(p, KERNEL).map((power) => power / scale);
  }),
  [0, 0, 1],
];

/** Aᵀ of one axis [4, 6]: powers of the points; infinity only contributes to the highest. */
const output1d: Matrix = Array.from({ length: TILE }, (_, k) => [...POINTS.map((p) => p ** k), k === TILE - 1 ? 1 : 0]);

/** Bᵀ ⊗ Bᵀ [36, 36]: patches of inputs to the space where convolving is multiplying. */
export const inputTransform: Float32Array = kronecker(input1d);

/** Aᵀ ⊗ Aᵀ [16, 36]: products to tiles of outputs. */
export const outputTransform: Float32Array = kronecker(output1d);

/** G ⊗ G [36, 9]: a kernel's taps to the same space. */
export const kernelTransform: Float32Array = kronecker(kernel1d);

/** The same for the kernel rotated by 180°, with its taps in reverse. */
export const turnedKernelTransform: Float32Array = kronecker(kernel1d.map((row) => row.toReversed()));

/** G g Gᵀ for every kernel g of w [O, C, 3, 3], computed in float64: [36, C, O]. */
export function transformKernels(w: ArrayLike<number>, outputs: number, inputs: number): Float32Array {
  const size = PATCH * PATCH;
  const result = new Float32Array(size * inputs * outputs);
  const both = Array.from({ length: size }, (_, e) => kroneckerRow(kernel1d, e)); // [36, 9]
  const taps = KERNEL * KERNEL;
  for (let c = 0; c < inputs; c++) {
    for (let o = 0; o < outputs; o++) {
      const start = (o * inputs + c) * taps;
      for (let e = 0; e < size; e++) {
        const row = both[e]!;
        let sum = 0;
        for (let tap = 0; tap < taps; tap++) sum += row[tap]! * w[start + tap]!;
        result[(e * inputs + c) * outputs + o] = sum;
      }
    }
  }
  return result;
}

/** Coefficients of Π (x − root), lowest first, padded with zeros to six. */
function monic(roots: readonly number[]): number[] {
  const coefficients = new Array<number>(PATCH).fill(0);
  coefficients[0] = 1;
  for (const root of roots) {
    for (let k = PATCH - 1; k >= 0; k--) coefficients[k] = (k > 0 ? coefficients[k - 1]! : 0) - root * coefficients[k]!;
  }
  return coefficients;
}

function powers(x: number, count: number): number[] {
  return Array.from({ length: count }, (_, k) => x ** k);
}

function kronecker(matrix: Matrix): Float32Array {
  return Float32Array.from(
    matrix.flatMap((_, i) => matrix.flatMap((_, j) => kroneckerRow(matrix, i * matrix.length + j))),
  );
}

/** Row `index` of matrix ⊗ matrix. */
function kroneckerRow(matrix: Matrix, index: number): number[] {
  const a = matrix[Math.floor(index / matrix.length)]!;
  const b = matrix[index % matrix.length]!;
  return a.flatMap((x) => b.map((y) => x * y));
}
