import type { AttributesOf } from "../../graph/index.js";
import { bilinearMatrix } from "../../graph/operators/resizing.js";
import { type Attributes, FLOAT } from "./emitter.js";
import { CHANNELS_LAST } from "./order.js";
import type { Lowering, Operand, Place } from "./site.js";

/**
 * TensorFlow pools without padding, or with padding that does not count. Other padding is added as zeros first, and if
 * it must not count, each mean is corrected for the share of its window that was padding.
 */
export const averagePool: Lowering<AttributesOf<"averagePool">> = ({ emit, outputs, attributes, operands: [x] }) => {
  const { kernel, stride, padding, countPadding } = attributes;
  const [top, left, bottom, right] = padding;
  const unpadded = padding.every((n) => n === 0);
  const same = stride.every((n) => n === 1) && top + bottom === kernel[0] - 1 && left + right === kernel[1] - 1;
  const asTensorFlow = same && top === Math.floor((kernel[0] - 1) / 2) && left === Math.floor((kernel[1] - 1) / 2);
  const pool = (name: string, how: "VALID" | "SAME") =>
    emit.op("AvgPool", [name], {
      T: FLOAT,
      ksize: { ints: [1, ...kernel, 1] },
      strides: { ints: [1, ...stride, 1] },
      padding: { s: how },
      data_format: { s: "NHWC" },
    });
  const input = x!.as(CHANNELS_LAST);
  if (unpadded) return { name: pool(input, "VALID"), order: CHANNELS_LAST };
  if (asTensorFlow && !countPadding) return { name: pool(input, "SAME"), order: CHANNELS_LAST };
  const around = emit.ints([0, 0, top, bottom, left, right, 0, 0], [4, 2]);
  const mean = pool(emit.op("PadV2", [input, around, emit.float(0)], { T: FLOAT }), "VALID");
  if (countPadding) return { name: mean, order: CHANNELS_LAST };
  const [, , height, width] = outputs[0]!.shape as [number, number, number, number];
  const counted = [0, 1].map((i) =>
    countedShare(x!.shape[2 + i]!, [height, width][i]!, kernel[i]!, stride[i]!, padding[i]!),
  );
  const factors = counted[0]!.flatMap((row) => counted[1]!.map((column) => 1 / (row * column)));
  const map = emit.floats(factors, [1, height, width, 1]);
  return { name: emit.op("Mul", [mean, map], { T: FLOAT }), order: CHANNELS_LAST };
};

/** For each window along one axis, the share of it that is inside the input. */
function countedShare(size: number, windows: number, kernel: number, stride: number, before: number): number[] {
  return Array.from({ length: windows }, (_, i) => {
    const start = i * stride - before;
    return (Math.min(start + kernel, size) - Math.max(start, 0)) / kernel;
  });
}

function resize(site: Place, op: string, [height, width]: readonly number[], attributes: Attributes = {}) {
  const { emit, operands } = site;
  const [x] = operands as [Operand];
  const size = emit.ints([height!, width!]);
  const how: Attributes = { T: FLOAT, align_corners: { b: false }, half_pixel_centers: { b: true }, ...attributes };
  return { name: emit.op(op, [x.as(CHANNELS_LAST), size], how), order: CHANNELS_LAST };
}

/** Half-pixel centres make no difference at whole factors, but keep positions away from where rounding decides. */
export const repeat: Lowering<AttributesOf<"repeat">> = (site) =>
  resize(site, "ResizeNearestNeighbor", site.outputs[0]!.shape.slice(2));

export const resizeBilinear: Lowering<AttributesOf<"resizeBilinear">> = (site) =>
  resize(site, "ResizeBilinear", site.attributes.size);

/** One product with a constant matrix along the height, one along the width; channels stay last. */
export const resizeBilinearGradient: Lowering<AttributesOf<"resizeBilinearGradient">> = (site) => {
  const { emit, attributes, operands } = site;
  const [g] = operands as [Operand];
  const [n, c, h, w] = g.shape as [number, number, number, number];
  const [height, width] = attributes.size;
  const matrix = (small: number, large: number) =>
    emit.constant("bilinear", bilinearMatrix(small, large), [1, large, small], "DT_FLOAT");
  const product = (along: string, x: string) =>
    emit.op("BatchMatMulV2", [along, x], { T: FLOAT, adj_x: { b: true }, adj_y: { b: false } });
  const reshape = (x: string, dims: readonly number[]) => emit.op("Reshape", [x, emit.ints(dims)], { T: FLOAT });
  const rows = product(matrix(height, h), g.as(CHANNELS_LAST, [n, h, w * c])); // [n, height, w · c]
  const columns = product(matrix(width, w), reshape(rows, [n * height, w, c])); // [n · height, width, c]
  return { name: reshape(columns, [n, height, width, c]), order: CHANNELS_LAST };
};
