import { apply, check, type Operator, sameShape, type Value } from "../value.js";
import { spatial } from "./convolution.js";
import { constant, constantData, int32Indices } from "./leaves.js";
import { matMul } from "./matmul.js";
import { repeat } from "./pooling.js";
import { concat, gather, slice } from "./shaping.js";

/** Of the operators that resize. */
export interface ResizeAttributes {
  readonly size: readonly [height: number, width: number];
}

/** Bilinear resizing of [N, C, H, W], pixel centres at half (align_corners false), no antialiasing. */
export const resizeBilinearOperator: Operator<ResizeAttributes> = {
  name: "resizeBilinear",
  half: "follows",
  sized: "values",
  infer: ([x], { size }) => {
    check(x!.shape.length === 4, () => "x is [N, C, H, W]");
    return [{ shape: [x!.shape[0]!, x!.shape[1]!, ...size], dtype: x!.dtype }];
  },
  gradient: ({ inputs: [x] }, [g]) => [apply(resizeBilinearGradientOperator, [g!], { size: spatial(x!) })],
  decompose: ({ inputs: [x], attributes: { size } }) => {
    const rows = interpolationMatrix(spatial(x!)[0], size[0], linearTaps);
    const columns = interpolationMatrix(spatial(x!)[1], size[1], linearTaps);
    return [matMul(matMul(rows, x!), columns, { transposeB: true })];
  },
};

/** The transpose of `resizeBilinear`: g [N, C, h, w] → [N, C, size]. */
export const resizeBilinearGradientOperator: Operator<ResizeAttributes> = {
  name: "resizeBilinearGradient",
  infer: ([g], { size }) => [{ shape: [g!.shape[0]!, g!.shape[1]!, ...size], dtype: g!.dtype }],
  gradient: ({ inputs: [g] }, [gg]) => [apply(resizeBilinearOperator, [gg!], { size: spatial(g!) })],
  decompose: ({ inputs: [g], attributes: { size } }) => {
    const rows = interpolationMatrix(size[0], spatial(g!)[0], linearTaps); // [h, H]
    const columns = interpolationMatrix(size[1], spatial(g!)[1], linearTaps);
    return [matMul(matMul(rows, g!, { transposeA: true }), columns)];
  },
};

/** Of `resizeBicubicOperator`. */
export interface BicubicAttributes extends ResizeAttributes {
  /**
   * Whether the kernel widens when the table shrinks, as with PyTorch's `antialias=True`. That filter also differs when
   * enlarging: its constant is −0.5 instead of −0.75, and pixels outside are left out, not taken from the border.
   */
  readonly antialias: boolean;
}

/**
 * Bicubic resizing of the last two axes, pixel centres at half (align_corners false); meant for small tables such as
 * attention biases and position embeddings.
 */
export const resizeBicubicOperator: Operator<BicubicAttributes> = {
  name: "resizeBicubic",
  sized: "values",
  infer: ([x], { size }) => {
    check(x!.shape.length >= 2, () => "x has two axes or more");
    return [{ shape: [...x!.shape.slice(0, -2), ...size], dtype: x!.dtype }];
  },
  gradient: ({ inputs: [x], attributes }, [g]) => {
    const [rows, columns] = cubicMatrices(x!, attributes);
    return [alongAxis(transposed(columns), alongAxis(transposed(rows), g!, -2), -1)];
  },
  decompose: ({ inputs: [x], attributes }) => {
    const [rows, columns] = cubicMatrices(x!, attributes);
    return [alongAxis(columns, alongAxis(rows, x!, -2), -1)];
  },
};

/** Turns `from` numbers along an axis into `to` numbers: [to, from]. */
interface Matrix {
  readonly data: Float32Array;
  readonly to: number;
  readonly from: number;
}

function cubicMatrices(x: Value, { size, antialias }: BicubicAttributes): readonly [rows: Matrix, columns: Matrix] {
  const [rows, columns] = size.map((to, i): Matrix => {
    const from = x.shape.at(i - 2)!;
    const data = antialias ? antialiasedMatrix(from, to) : interpolationData(from, to, pixelsAround(-0.75));
    return { data, to, from };
  });
  return [rows!, columns!];
}

function transposed({ data, to, from }: Matrix): Matrix {
  const result = new Float32Array(data.length);
  for (let i = 0; i < to; i++) for (let j = 0; j < from; j++) result[j * to + i] = data[i * from + j]!;
  return { data: result, to: from, from: to };
}

/** Rows of a resizing matrix that are multiplied at once. */
const BAND = 256;

/**
 * The product along the last axis of x, or the one before. A large matrix is nearly all zeros away from its diagonal,
 * so it is split into bands of rows, each with only its non-zero columns: for the attention biases of EfficientFormerV2
 * at 800 pixels, 576 × 2304 to 625 × 2500, that takes a quarter of the time.
 */
function alongAxis({ data, to, from }: Matrix, x: Value, axis: -1 | -2): Value {
  const parts: Value[] = [];
  for (let start = 0; start < to; start += BAND) {
    const end = Math.min(to, start + BAND);
    const [low, high] = to <= BAND ? [0, from] : columnsOf(data.subarray(start * from, end * from), from);
    const band = new Float32Array((end - start) * (high - low));
    for (let i = start; i < end; i++) {
      band.set(data.subarray(i * from + low, i * from + high), (i - start) * (high - low));
    }
    const block = constant(band, [end - start, high - low]);
    const part = slice(x, { axis, start: low, end: high });
    parts.push(axis === -2 ? matMul(block, part) : matMul(part, block, { transposeB: true }));
  }
  return concat(parts, axis);
}

/** The first non-zero column of some rows, and the one after the last. */
function columnsOf(rows: Float32Array, width: number): readonly [low: number, high: number] {
  let [low, high] = [width - 1, 1];
  for (const [i, weight] of rows.entries()) {
    if (weight === 0) continue;
    low = Math.min(low, i % width);
    high = Math.max(high, (i % width) + 1);
  }
  return [Math.min(low, high - 1), high];
}

/** Source positions and weights of one output position, as in PyTorch's `interpolate`. */
type Taps = (position: number) => readonly (readonly [index: number, weight: number])[];

const linearTaps: Taps = (position) => {
  const at = Math.max(0, position);
  const low = Math.floor(at);
  return [
    [low, 1 - (at - low)],
    [low + 1, at - low],
  ];
};

/** Keys' cubic convolution kernel (Keys 1981): the weight of a pixel at distance d, 0 from two pixels on. */
function cubicKernel(d: number, a: number): number {
  if (d >= 2) return 0;
  return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((d - 5) * d + 8) * d * a - 4 * a;
}

/** The four pixels around a position; the constant a is −0.75 in PyTorch and OpenCV. */
const pixelsAround =
  (a: number): Taps =>
  (position) => {
    const low = Math.floor(position);
    return [-1, 0, 1, 2].map((offset) => [low + offset, cubicKernel(Math.abs(position - low - offset), a)] as const);
  };

/**
 * The [output, input] matrix of bicubic resizing as in PyTorch with antialiasing: the weights of each row add up to 1.
 */
export function antialiasedMatrix(input: number, output: number): Float32Array {
  const matrix = new Float32Array(output * input);
  const pixel = Math.max(1, input / output); // the kernel's unit, in pixels of the input
  for (let i = 0; i < output; i++) {
    const position = ((i + 0.5) * input) / output - 0.5;
    const weights = Array.from({ length: input }, (_, j) => cubicKernel(Math.abs(position - j) / pixel, -0.5));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    matrix.set(
      weights.map((weight) => weight / total),
      i * input,
    );
  }
  return matrix;
}

/** The [output, input] matrix of a one-dimensional resizing; indices outside are clamped to the border. */
function interpolationData(input: number, output: number, taps: Taps): Float32Array {
  const matrix = new Float64Array(output * input);
  for (let i = 0; i < output; i++) {
    for (const [index, weight] of taps(((i + 0.5) * input) / output - 0.5)) {
      matrix[i * input + Math.min(input - 1, Math.max(0, index))]! += weight;
    }
  }
  return Float32Array.from(matrix);
}

const interpolationMatrix = (input: number, output: number, taps: Taps): Value =>
  constant(interpolationData(input, output, taps), [output, input]);

/** Bilinear resizing of [N, C, H, W], pixel centres at half, no antialiasing. */
export function resizeBilinear(x: Value, size: readonly [number, number]): Value {
  return size[0] === spatial(x)[0] && size[1] === spatial(x)[1] ? x : apply(resizeBilinearOperator, [x], { size });
}

/** The transpose of `resizeBilinear`: g [N, C, h, w] → [N, C, size]. */
export function resizeBilinearGradient(g: Value, size: readonly [number, number]): Value {
  return size[0] === spatial(g)[0] && size[1] === spatial(g)[1]
    ? g
    : apply(resizeBilinearGradientOperator, [g], { size });
}

/** The [output, input] matrix of bilinear resizing along one axis. */
export function bilinearMatrix(input: number, output: number): Float32Array {
  return constantData(interpolationMatrix(input, output, linearTaps)) as Float32Array;
}

/** Bicubic resizing of the last two axes, pixel centres at half; meant for small tables. */
export const resizeBicubic = (x: Value, size: readonly [number, number], { antialias = false } = {}): Value =>
  sameShape(x.shape.slice(-2), size) ? x : apply(resizeBicubicOperator, [x], { size, antialias });

/** Nearest-neighbour resizing of [N, C, H, W] to a size: output i takes input floor(i · input / output). */
export function resizeNearest(x: Value, size: readonly [number, number]): Value {
  const [height, width] = spatial(x);
  const factor = size[0] / height;
  if (factor === 1 && size[1] === width) return x;
  if (Number.isInteger(factor) && size[1] === factor * width) return repeat(x, factor);
  return gather(gather(x, nearestIndices(height, size[0]), 2), nearestIndices(width, size[1]), 3);
}

function nearestIndices(input: number, output: number): Value {
  return int32Indices(Array.from({ length: output }, (_, i) => Math.min(input - 1, Math.floor((i * input) / output))));
}
