import { apply, check, type Operator, type Value } from "../value.js";
import { type ConvolutionAttributes, slidingSize, spatial } from "./convolution.js";
import { add, less, maximum, mul, where } from "./elementwise.js";
import { constant, filled, scalar } from "./leaves.js";
import { concat, type SliceAttributes, slice, sliceOperator } from "./shaping.js";

/** Where the windows of a pooling are. */
export interface Windows extends Pick<ConvolutionAttributes, "stride" | "padding"> {
  readonly kernel: readonly [number, number];
}

const inferPooled: Operator<Windows>["infer"] = ([x], { kernel, ...attributes }) => {
  check(x!.shape.length === 4, () => "x is [N, C, H, W]");
  return [{ shape: [x!.shape[0]!, x!.shape[1]!, ...slidingSize(spatial(x!), kernel, attributes)], dtype: x!.dtype }];
};

/** Of `averagePoolOperator`. */
export interface PoolingAttributes extends Windows {
  /** Whether the padding's zeros count as elements of a window. */
  readonly countPadding: boolean;
}

/** The mean of every kernel-sized window of x [N, C, H, W]. */
export const averagePoolOperator: Operator<PoolingAttributes> = {
  name: "averagePool",
  half: "follows",
  cheap: "inStep",
  infer: inferPooled,
  gradient: ({ inputs: [x], attributes }, [g]) => [averagePoolGradient(x!, g!, attributes)],
};

/**
 * Each input pixel gets g / count from every window it is in. At stride 1 that is again an average pooling (padding
 * counted) of g · kernel area / count.
 */
function averagePoolGradient(x: Value, g: Value, attributes: PoolingAttributes): Value {
  const { kernel, stride, padding, countPadding } = attributes;
  const [height, width] = spatial(x);
  const area = kernel[0] * kernel[1];
  if (stride[0] === 1 && stride[1] === 1) {
    const weighted = countPadding ? g : mul(g, constant(areaOverCount(x, g, attributes), [1, 1, ...spatial(g)]));
    const around = [
      kernel[0] - 1 - padding[0],
      kernel[1] - 1 - padding[1],
      kernel[0] - 1 - padding[2],
      kernel[1] - 1 - padding[3],
    ] as const;
    check(
      around.every((n) => n >= 0),
      () => "padding is less than the kernel",
    );
    return apply(averagePoolOperator, [weighted], { kernel, stride: [1, 1], padding: around, countPadding: true });
  }
  const tiles = stride[0] === kernel[0] && stride[1] === kernel[1] && padding.every((n) => n === 0);
  const exact = height % kernel[0] === 0 && width % kernel[1] === 0;
  check(tiles && exact, () => "strided average pooling has a gradient only for windows that tile the input");
  return mul(apply(repeatOperator, [g], { factor: kernel }), constant([1 / area], []));
}

/** Kernel area over the number of input pixels in each window, row by row. */
function areaOverCount(x: Value, g: Value, { kernel, padding }: PoolingAttributes): Float32Array {
  const [height, width] = spatial(x);
  const [rows, columns] = spatial(g);
  const inside = (i: number, k: number, before: number, size: number) =>
    Math.min(i - before + k, size) - Math.max(i - before, 0);
  const result = new Float32Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const count = inside(y, kernel[0], padding[0], height) * inside(x, kernel[1], padding[1], width);
      result[y * columns + x] = (kernel[0] * kernel[1]) / count;
    }
  }
  return result;
}

/** Below every number to be pooled, so that padding is never a window's largest element. */
const LOWEST = -3.4e38;

/** The largest element of every window along one axis, and how to take a gradient back. */
function windowMaximum(x: Value, axis: number, { kernel, stride, padding }: Windows) {
  const i = axis - 2;
  const [k, step, before, after] = [kernel[i]!, stride[i]!, padding[i]!, padding[i + 2]!];
  const edge = (n: number) => (n === 0 ? [] : [filled(x.shape.with(axis, n), LOWEST)]);
  const padded = concat([...edge(before), x, ...edge(after)], axis);
  const windows = Math.floor((padded.shape[axis]! - k) / step) + 1;
  // Element j of every window.
  const pick = (j: number): SliceAttributes => ({ axis, start: j, end: j + (windows - 1) * step + 1, step });
  const elements = Array.from({ length: k }, (_, j) => slice(padded, pick(j)));
  const largest = [elements[0]!];
  for (let j = 1; j < k; j++) largest.push(maximum(largest[j - 1]!, elements[j]!));
  return {
    y: largest.at(-1)!,
    /** The first among equal elements gets the gradient, as in PyTorch. */
    backward(g: Value): Value {
      const zero = scalar(0);
      let left = g;
      let total: Value | undefined;
      for (let j = k - 1; j >= 0; j--) {
        const wins = j > 0 ? less(largest[j - 1]!, elements[j]!) : undefined;
        const own = wins === undefined ? left : where(wins, left, zero);
        if (wins !== undefined) left = where(wins, zero, left);
        const back = placeBack(own, padded, pick(j));
        total = total === undefined ? back : add(total, back);
      }
      return slice(total!, { axis, start: before, end: before + x.shape[axis]! });
    },
  };
}

/** The gradient of a slice of x: g where the slice was taken, zeros elsewhere. */
function placeBack(g: Value, x: Value, attributes: SliceAttributes): Value {
  const sliced = apply(sliceOperator, [x], attributes);
  return sliceOperator.gradient!(sliced.node as Parameters<NonNullable<typeof sliceOperator.gradient>>[0], [g])[0]!;
}

/** The largest element of every kernel-sized window of x [N, C, H, W]; padding is never the largest. */
export const maxPoolOperator: Operator<Windows> = {
  name: "maxPool",
  half: "follows",
  cheap: "inStep",
  infer: (inputs, attributes) => {
    const { kernel, padding } = attributes;
    // A window with only padding has no largest element.
    check(
      padding.every((n, i) => n < kernel[i % 2]!),
      () => "padding is less than the kernel",
    );
    return inferPooled(inputs, attributes);
  },
  decompose: ({ inputs: [x], attributes }) => [windowMaximum(windowMaximum(x!, 3, attributes).y, 2, attributes).y],
  gradient: ({ inputs: [x], attributes }, [g]) => {
    const rows = windowMaximum(x!, 3, attributes);
    return [rows.backward(windowMaximum(rows.y, 2, attributes).backward(g!))];
  },
};

/** Nearest-neighbour enlargement by whole factors: every pixel becomes a block. */
export const repeatOperator: Operator<{ readonly factor: readonly [number, number] }> = {
  name: "repeat",
  kind: "spreading",
  half: "follows",
  infer: ([x], { factor }) => [
    { shape: [x!.shape[0]!, x!.shape[1]!, x!.shape[2]! * factor[0], x!.shape[3]! * factor[1]], dtype: x!.dtype },
  ],
  gradient: ({ attributes: { factor } }, [g]) => {
    const pooling = { kernel: factor, stride: factor, padding: [0, 0, 0, 0], countPadding: true } as const;
    return [mul(apply(averagePoolOperator, [g!], pooling), constant([factor[0] * factor[1]], []))];
  },
};

/** Of `maxPool`: side, stride (default 1) and padding (default 0) of square windows. */
export interface MaxPoolingOptions {
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
}

/** Of `averagePool`; `countPadding` (default false): zeros of the padding count in the mean. */
export interface PoolingOptions extends MaxPoolingOptions {
  readonly countPadding?: boolean;
}

const square = ({ kernel, stride = 1, padding = 0 }: MaxPoolingOptions): Windows => ({
  kernel: [kernel, kernel],
  stride: [stride, stride],
  padding: [padding, padding, padding, padding],
});

/** The mean of every window of x [N, C, H, W]. */
export const averagePool = (x: Value, { countPadding = false, ...windows }: PoolingOptions): Value =>
  apply(averagePoolOperator, [x], { ...square(windows), countPadding });

/** The largest element of every window of x [N, C, H, W]; padding is never the largest. */
export const maxPool = (x: Value, windows: MaxPoolingOptions): Value => apply(maxPoolOperator, [x], square(windows));

/** Nearest-neighbour enlargement of [N, C, H, W] by a whole factor: every pixel becomes a block. */
export const repeat = (x: Value, factor: number): Value => apply(repeatOperator, [x], { factor: [factor, factor] });
