import { apply, check, type Operator, type Value } from "../value.js";
import { type ConvolutionAttributes, slidingSize, spatial } from "./convolution.js";
import { mul } from "./elementwise.js";
import { constant } from "./leaves.js";

export interface PoolingAttributes extends Pick<ConvolutionAttributes, "stride" | "padding"> {
  readonly kernel: readonly [number, number];
  /** Whether the padding's zeros count as elements of a window. */
  readonly countPadding: boolean;
}

/** The mean of every kernel-sized window of x [N, C, H, W]. */
export const averagePoolOperator: Operator<PoolingAttributes> = {
  name: "averagePool",
  infer: ([x], { kernel, ...attributes }) => {
    check(x!.shape.length === 4, () => "x is [N, C, H, W]");
    return [{ shape: [x!.shape[0]!, x!.shape[1]!, ...slidingSize(spatial(x!), kernel, attributes)], dtype: x!.dtype }];
  },
  gradient: ({ inputs: [x], attributes }, [g]) => [averagePoolGradient(x!, g!, attributes)],
};

/**
 * Each input pixel gets g / count from every window it lies in. At stride 1 that is again an average pooling (padding
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

/** Nearest-neighbour enlargement by whole factors: every pixel becomes a block. */
export const repeatOperator: Operator<{ readonly factor: readonly [number, number] }> = {
  name: "repeat",
  infer: ([x], { factor }) => [
    { shape: [x!.shape[0]!, x!.shape[1]!, x!.shape[2]! * factor[0], x!.shape[3]! * factor[1]], dtype: x!.dtype },
  ],
  gradient: ({ attributes: { factor } }, [g]) => {
    const pooling = { kernel: factor, stride: factor, padding: [0, 0, 0, 0], countPadding: true } as const;
    return [mul(apply(averagePoolOperator, [g!], pooling), constant([factor[0] * factor[1]], []))];
  },
};

export interface PoolingOptions {
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly countPadding?: boolean;
}

export function averagePool(
  x: Value,
  { kernel, stride = 1, padding = 0, countPadding = false }: PoolingOptions,
): Value {
  return apply(averagePoolOperator, [x], {
    kernel: [kernel, kernel],
    stride: [stride, stride],
    padding: [padding, padding, padding, padding],
    countPadding,
  });
}

export const repeat = (x: Value, factor: number): Value => apply(repeatOperator, [x], { factor: [factor, factor] });
