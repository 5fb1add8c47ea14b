import type { AttributesOf } from "../../../lib/graph/index.js";
import { at, build, flat, indicesOf, type Reference, type Tensor, zerosOf } from "./tensor.js";

export const averagePool: Reference<AttributesOf<"averagePool">> = ([x], attributes) => {
  const { kernel, stride, padding, countPadding } = attributes;
  const [n, c, height, width] = x!.shape as [number, number, number, number];
  const rows = Math.floor((height + padding[0] + padding[2] - kernel[0]) / stride[0]) + 1;
  const columns = Math.floor((width + padding[1] + padding[3] - kernel[1]) / stride[1]) + 1;
  return [
    build([n, c, rows, columns], ([image, channel, row, column]) => {
      let total = 0;
      let inside = 0;
      for (const [ky, kx] of indicesOf(kernel) as [number, number][]) {
        const y = row! * stride[0] + ky - padding[0];
        const i = column! * stride[1] + kx - padding[1];
        if (y < 0 || y >= height || i < 0 || i >= width) continue;
        total += at(x!, [image!, channel!, y, i]);
        inside++;
      }
      return total / (countPadding ? kernel[0] * kernel[1] : inside);
    }),
  ];
};

export const maxPool: Reference<AttributesOf<"maxPool">> = ([x], { kernel, stride, padding }) => {
  const [n, c, height, width] = x!.shape as [number, number, number, number];
  const rows = Math.floor((height + padding[0] + padding[2] - kernel[0]) / stride[0]) + 1;
  const columns = Math.floor((width + padding[1] + padding[3] - kernel[1]) / stride[1]) + 1;
  return [
    build([n, c, rows, columns], ([image, channel, row, column]) => {
      let largest = Number.NEGATIVE_INFINITY;
      for (const [ky, kx] of indicesOf(kernel) as [number, number][]) {
        const y = row! * stride[0] + ky - padding[0];
        const i = column! * stride[1] + kx - padding[1];
        if (y < 0 || y >= height || i < 0 || i >= width) continue;
        largest = Math.max(largest, at(x!, [image!, channel!, y, i]));
      }
      return largest;
    }),
  ];
};

export const repeat: Reference<AttributesOf<"repeat">> = ([x], { factor: [fy, fx] }) => {
  const [n, c, height, width] = x!.shape as [number, number, number, number];
  return [
    build([n, c, height * fy, width * fx], ([image, channel, row, column]) =>
      at(x!, [image!, channel!, Math.floor(row! / fy), Math.floor(column! / fx)]),
    ),
  ];
};

/** The two pixels around an output position (half-pixel centres, the border repeated) and the weight of the second. */
function between(i: number, input: number, output: number): [low: number, high: number, share: number] {
  const position = Math.max(0, ((i + 0.5) * input) / output - 0.5);
  const low = Math.min(input - 1, Math.floor(position));
  return [low, Math.min(input - 1, low + 1), position - low];
}

/** Calls `visit` with every source pixel of every output pixel and its weight. */
function everyTap(
  coarse: readonly number[],
  fine: readonly number[],
  visit: (source: number, target: number, weight: number) => void,
): void {
  for (const [n, c, y, x] of indicesOf(fine) as [number, number, number, number][]) {
    const [top, bottom, down] = between(y, coarse[2]!, fine[2]!);
    const [left, right, across] = between(x, coarse[3]!, fine[3]!);
    const target = flat({ shape: fine }, [n, c, y, x]);
    const tap = (i: number, j: number, weight: number) => visit(flat({ shape: coarse }, [n, c, i, j]), target, weight);
    tap(top, left, (1 - down) * (1 - across));
    tap(top, right, (1 - down) * across);
    tap(bottom, left, down * (1 - across));
    tap(bottom, right, down * across);
  }
}

const resized = (x: Tensor, size: readonly number[]): Tensor => zerosOf([...x.shape.slice(0, 2), ...size]);

export const resizeBilinear: Reference<AttributesOf<"resizeBilinear">> = ([x], { size }) => {
  const y = resized(x!, size);
  everyTap(x!.shape, y.shape, (source, target, weight) => {
    y.data[target]! += weight * x!.data[source]!;
  });
  return [y];
};

export const resizeBilinearGradient: Reference<AttributesOf<"resizeBilinearGradient">> = ([g], { size }) => {
  const x = resized(g!, size);
  everyTap(x.shape, g!.shape, (source, target, weight) => {
    x.data[source]! += weight * g!.data[target]!;
  });
  return [x];
};

/** Weights of the four pixels around an offset in 0 … 1 of cubic convolution with a = −0.75. */
function cubicWeights(t: number): readonly number[] {
  const a = -0.75;
  const near = (d: number) => (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  const far = (d: number) => a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a;
  return [far(1 + t), near(t), near(1 - t), far(2 - t)];
}

/** The weight of each pixel of a row at position i of the resized row, as in PyTorch with `antialias: true`. */
function antialiasedShares(i: number, input: number, output: number): readonly number[] {
  const unit = Math.max(1, input / output);
  const centre = ((i + 0.5) * input) / output;
  const weights = Array.from({ length: input }, (_, j) => {
    const d = Math.abs(j + 0.5 - centre) / unit;
    if (d < 1) return 1.5 * d ** 3 - 2.5 * d ** 2 + 1;
    return d < 2 ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0;
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** The same with a = −0.75 and a kernel that is not widened; pixels outside are taken from the border. */
function plainShares(i: number, input: number, output: number): readonly number[] {
  const position = ((i + 0.5) * input) / output - 0.5;
  const low = Math.floor(position);
  const shares = Array.from({ length: input }, () => 0);
  for (const [k, weight] of cubicWeights(position - low).entries()) {
    shares[Math.min(input - 1, Math.max(0, low - 1 + k))]! += weight;
  }
  return shares;
}

export const resizeBicubic: Reference<AttributesOf<"resizeBicubic">> = ([x], { size, antialias }) => {
  const [n, c, height, width] = x!.shape as [number, number, number, number];
  const sharesOf = antialias ? antialiasedShares : plainShares;
  return [
    build([n, c, ...size], ([image, channel, row, column]) => {
      let total = 0;
      for (const [i, down] of sharesOf(row!, height, size[0]).entries()) {
        for (const [j, across] of sharesOf(column!, width, size[1]).entries()) {
          total += down * across * at(x!, [image!, channel!, i, j]);
        }
      }
      return total;
    }),
  ];
};
