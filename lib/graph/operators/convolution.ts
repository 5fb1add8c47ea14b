import { apply, check, type Operator, type Shape, sizeOf, type Value } from "../value.js";
import { reshape, sum } from "./broadcasting.js";
import { mul } from "./elementwise.js";
import { matMul } from "./matmul.js";
import { concat, pad, reverse, slice, spreadOut, transpose } from "./shaping.js";

/** Of `conv2dOperator`. */
export interface ConvolutionAttributes {
  readonly stride: readonly [y: number, x: number];
  readonly padding: readonly [top: number, left: number, bottom: number, right: number];
  readonly groups: number;
  /** Pixels from one tap of the kernel to the next. */
  readonly dilation: readonly [y: number, x: number];
}

/** Of `conv2d`; by default stride 1, no padding, one group. */
export interface ConvolutionOptions {
  readonly stride?: number;
  /** Pixels from one tap of the kernel to the next; above 1 the stride is 1. */
  readonly dilation?: number;
  /** Zeros on every side, or at the top, left, bottom and right. */
  readonly padding?: number | ConvolutionAttributes["padding"];
  readonly groups?: number;
}

function attributesOf({
  stride = 1,
  padding = 0,
  groups = 1,
  dilation = 1,
}: ConvolutionOptions): ConvolutionAttributes {
  const around = typeof padding === "number" ? ([padding, padding, padding, padding] as const) : padding;
  return { stride: [stride, stride], padding: around, groups, dilation: [dilation, dilation] };
}

/** Pixels from the first tap of a kernel to the last, both included. */
const reach = ([height, width]: readonly [number, number], [y, x]: ConvolutionAttributes["dilation"]) =>
  [(height - 1) * y + 1, (width - 1) * x + 1] as const;

type Window = Pick<ConvolutionAttributes, "stride" | "padding"> & Partial<Pick<ConvolutionAttributes, "dilation">>;

/** Output height and width of a convolution or pooling over [H, W]. */
export function slidingSize(
  [height, width]: readonly [number, number],
  kernel: readonly [number, number],
  { stride, padding, dilation = [1, 1] }: Window,
): [number, number] {
  const [reachY, reachX] = reach(kernel, dilation);
  return [
    Math.floor((height + padding[0] + padding[2] - reachY) / stride[0]) + 1,
    Math.floor((width + padding[1] + padding[3] - reachX) / stride[1]) + 1,
  ];
}

/** Height and width of a map [N, C, H, W]. */
export const spatial = (x: { shape: Shape }): [number, number] => [x.shape[2]!, x.shape[3]!];

/** Convolution (cross-correlation, as everywhere in the field) of x [N, C, H, W] with w [O, C / groups, kh, kw] (+ bias [O]). */
export const conv2dOperator: Operator<ConvolutionAttributes> = {
  name: "conv2d",
  half: "product",
  infer: ([x, w, bias], attributes) => {
    check(x!.shape.length === 4 && w!.shape.length === 4, () => "x is [N, C, H, W] and w [O, C / groups, kh, kw]");
    const perGroup = x!.shape[1]! / attributes.groups;
    check(w!.shape[1] === perGroup, () => `${perGroup} input channels a group, the kernel has ${w!.shape[1]}`);
    check(w!.shape[0]! % attributes.groups === 0, () => `${w!.shape[0]} outputs in ${attributes.groups} groups`);
    check(bias === undefined || bias.shape[0] === w!.shape[0], () => `a bias of ${w!.shape[0]} numbers`);
    checkDilation(spatial(w!), attributes);
    return [
      { shape: [x!.shape[0]!, w!.shape[0]!, ...slidingSize(spatial(x!), spatial(w!), attributes)], dtype: x!.dtype },
    ];
  },
  gradient: ({ inputs: [x, w, bias], attributes }, [g]) => [
    apply(conv2dInputGradientOperator, [g!, w!], { ...attributes, inputSize: spatial(x!) }),
    apply(conv2dWeightGradientOperator, [x!, g!], { ...attributes, kernel: spatial(w!) }),
    bias && sum(g!, { axes: [0, 2, 3] }),
  ],
  macs: ({ inputs: [, w], outputs: [y] }) => sizeOf(y!.shape) * sizeOf(w!.shape.slice(1)),
  // For engines without dilation: zeros between the taps.
  decompose: ({ inputs: [x, w, ...bias], attributes }) => {
    const spread = [2, 3].reduce((kernel, axis) => spreadOut(kernel, axis, attributes.dilation[axis - 2]!), w!);
    return [apply(conv2dOperator, [x!, spread, ...bias], { ...attributes, dilation: [1, 1] })];
  },
};

/** Refuses what no engine supports and no gradient here handles. */
function checkDilation(kernel: readonly [number, number], { stride, padding, dilation }: ConvolutionAttributes): void {
  if (dilation.every((n) => n === 1)) return;
  check(
    stride.every((n) => n === 1),
    () => "a dilated convolution has the stride 1",
  );
  const sides = reach(kernel, dilation);
  check(
    padding.every((n, i) => n < sides[i % 2]!),
    () => "padding is less than the dilated kernel",
  );
}

/**
 * The gradient of a convolution with respect to its input: g [N, O, h, w] and w [O, C / groups, kh, kw] → [N, C, H, W].
 */
export const conv2dInputGradientOperator: Operator<
  ConvolutionAttributes & { readonly inputSize: readonly [number, number] }
> = {
  name: "conv2dInputGradient",
  infer: ([g, w], { groups, inputSize }) => [
    { shape: [g!.shape[0]!, w!.shape[1]! * groups, ...inputSize], dtype: g!.dtype },
  ],
  gradient: ({ inputs: [g, w], attributes }, [gg]) => [
    apply(conv2dOperator, [gg!, w!], attributes),
    apply(conv2dWeightGradientOperator, [gg!, g!], { ...attributes, kernel: spatial(w!) }),
  ],
  macs: ({ inputs: [g, w] }) => sizeOf(g!.shape) * sizeOf(w!.shape.slice(1)),
  // At stride 1 a convolution with the flipped, transposed kernel; otherwise a transposed convolution.
  decompose: ({ inputs, attributes }) => {
    const [g, w] = inputs as [Value, Value];
    const { stride, padding, groups, inputSize, dilation } = attributes;
    const [kh, kw] = reach(spatial(w), dilation);
    const [top, left] = padding;
    const bottom = inputSize[0] + top - (spatial(g)[0] - 1) * stride[0] - kh; // input rows that the kernel never reached
    const right = inputSize[1] + left - (spatial(g)[1] - 1) * stride[1] - kw;
    const flips = kh - 1 - top >= 0 && kw - 1 - left >= 0 && kh - 1 + bottom >= 0 && kw - 1 + right >= 0;
    if (stride[0] === 1 && stride[1] === 1 && flips) {
      const flipped = flipKernel(w, groups);
      const around = [kh - 1 - top, kw - 1 - left, kh - 1 + bottom, kw - 1 + right] as const;
      return [apply(conv2dOperator, [g, flipped], { stride: [1, 1], padding: around, groups, dilation })];
    }
    return [apply(convTranspose2dOperator, [g, w], { stride, padding: [top, left], groups, outputSize: inputSize })];
  },
};

/** [O, C / groups, kh, kw] → [C, O / groups, kh, kw], each kernel rotated by 180°. */
function flipKernel(w: Value, groups: number): Value {
  const [out, perGroup, kh, kw] = w.shape as [number, number, number, number];
  const turned = kh === 1 && kw === 1 ? w : reverse(w, [2, 3]);
  if (groups === 1) return transpose(turned, [1, 0, 2, 3]);
  const grouped = reshape(turned, [groups, out / groups, perGroup, kh, kw]);
  return reshape(transpose(grouped, [0, 2, 1, 3, 4]), [groups * perGroup, out / groups, kh, kw]);
}

/**
 * The gradient of a convolution with respect to its kernel: x [N, C, H, W] and g [N, O, h, w] → [O, C / groups, kh,
 * kw].
 */
export const conv2dWeightGradientOperator: Operator<
  ConvolutionAttributes & { readonly kernel: readonly [number, number] }
> = {
  name: "conv2dWeightGradient",
  infer: ([x, g], { groups, kernel }) => [{ shape: [g!.shape[1]!, x!.shape[1]! / groups, ...kernel], dtype: x!.dtype }],
  gradient: ({ inputs: [x, g], attributes }, [gw]) => [
    apply(conv2dInputGradientOperator, [g!, gw!], { ...attributes, inputSize: spatial(x!) }),
    apply(conv2dOperator, [x!, gw!], attributes),
  ],
  macs: ({ inputs: [x, g], attributes: { groups, kernel } }) =>
    (sizeOf(g!.shape) * x!.shape[1]! * kernel[0] * kernel[1]) / groups,
  decompose: ({ inputs, attributes }) => {
    const [x, g] = inputs as [Value, Value];
    return [attributes.groups === 1 ? weightGradientByRows(x, g, attributes) : weightGradientByTaps(x, g, attributes)];
  },
};

type WeightGradientAttributes = ConvolutionAttributes & { readonly kernel: readonly [number, number] };

/**
 * One product for every row of the kernel, of g and all taps of that row: x shifted by each tap's column, side by side
 * as channels. At stride 1 g is shifted by rows, because it has fewer channels than the shifted copies of x.
 */
function weightGradientByRows(
  x: Value,
  g: Value,
  { stride, padding, kernel, dilation }: WeightGradientAttributes,
): Value {
  const [kh, kw] = kernel;
  const [n, out, h, w] = g.shape as [number, number, number, number];
  const [channels, height] = x.shape.slice(1) as [number, number];
  const [top, left, bottom, right] = padding;
  const padded = pad(x, { axis: 3, before: left, after: right });
  const column = (tap: number) => {
    const kx = tap * dilation[1];
    return slice(padded, { axis: 3, start: kx, end: kx + (w - 1) * stride[1] + 1, step: stride[1] });
  };
  const columns = concat(counting(kw).map(column), 1); // [n, kw · C, H, w]

  const before = Math.max(0, (kh - 1) * dilation[0] - top);
  const spread = pad(g, { axis: 2, before, after: Math.max(0, height + top - h) });
  const tall = pad(columns, { axis: 2, before: top, after: bottom });
  const product = (a: Value, b: Value) => {
    const pixels = a.shape[2]! * w;
    return matMul(reshape(a, [n, out, pixels]), reshape(b, [n, kw * channels, pixels]), { transposeB: true });
  };
  const row = (tap: number) => {
    const ky = tap * dilation[0];
    if (stride[0] === 1) {
      const start = before + top - ky;
      return product(slice(spread, { axis: 2, start, end: start + height }), columns);
    }
    return product(g, slice(tall, { axis: 2, start: ky, end: ky + (h - 1) * stride[0] + 1, step: stride[0] }));
  };
  const rows = concat(counting(kh).map(row), 2); // [n, O, kh · kw · C]
  return transpose(reshape(sum(rows, { axes: [0] }), [out, kh, kw, channels]), [0, 3, 1, 2]);
}

const counting = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** For every kernel tap, g · (x shifted by the tap)ᵀ summed over the images. */
function weightGradientByTaps(
  x: Value,
  g: Value,
  { stride, padding, groups, dilation, kernel: [kh, kw] }: WeightGradientAttributes,
): Value {
  const [n, out, h, w] = g.shape as [number, number, number, number];
  const channels = x.shape[1]!;
  const vertical = pad(x, { axis: 2, before: padding[0], after: padding[2] });
  const padded = pad(vertical, { axis: 3, before: padding[1], after: padding[3] });
  const perTap: Value[] = [];
  for (const ky of counting(kh).map((tap) => tap * dilation[0])) {
    const rows = slice(padded, { axis: 2, start: ky, end: ky + (h - 1) * stride[0] + 1, step: stride[0] });
    for (const kx of counting(kw).map((tap) => tap * dilation[1])) {
      const shifted = slice(rows, { axis: 3, start: kx, end: kx + (w - 1) * stride[1] + 1, step: stride[1] }); // [n, C, h, w]
      perTap.push(tapGradient(shifted, g, { n, groups, out, channels, pixels: h * w }));
    }
  }
  return reshape(concat(perTap, 2), [out, channels / groups, kh, kw]);
}

function tapGradient(
  shifted: Value,
  g: Value,
  { n, groups, out, channels, pixels }: Readonly<Record<"n" | "groups" | "out" | "channels" | "pixels", number>>,
): Value {
  if (groups === channels && groups === out) {
    return reshape(sum(mul(shifted, g), { axes: [0, 2, 3] }), [out, 1, 1]); // depthwise: no sum over channels
  }
  const rows = reshape(g, [n, groups, out / groups, pixels]);
  const columns = reshape(shifted, [n, groups, channels / groups, pixels]);
  const product = matMul(rows, columns, { transposeB: true }); // [n, groups, O / groups, C / groups]
  return reshape(sum(product, { axes: [0] }), [out, channels / groups, 1]);
}

/** The gradient operator of a strided convolution seen as a layer: x [N, C, h, w], w [C, O / groups, kh, kw] → [N, O, H, W]. */
export const convTranspose2dOperator: Operator<{
  readonly stride: readonly [number, number];
  readonly padding: readonly [top: number, left: number];
  readonly groups: number;
  readonly outputSize: readonly [number, number];
}> = {
  name: "convTranspose2d",
  half: "product",
  sized: "shape",
  infer: ([x, w], { groups, outputSize }) => {
    check(x!.shape[1] === w!.shape[0], () => `${x!.shape[1]} channels, the kernel has ${w!.shape[0]}`);
    return [{ shape: [x!.shape[0]!, w!.shape[1]! * groups, ...outputSize], dtype: x!.dtype }];
  },
  gradient: ({ inputs: [x, w], attributes }, [g]) => {
    const { stride, groups } = attributes;
    const [top, left] = attributes.padding;
    const bottom = (spatial(x!)[0] - 1) * stride[0] + spatial(w!)[0] - spatial(g!)[0] - top;
    const right = (spatial(x!)[1] - 1) * stride[1] + spatial(w!)[1] - spatial(g!)[1] - left;
    const conv: ConvolutionAttributes = {
      stride,
      dilation: [1, 1],
      padding: [top, left, Math.max(0, bottom), Math.max(0, right)],
      groups,
    };
    return [
      apply(conv2dOperator, [g!, w!], conv),
      apply(conv2dWeightGradientOperator, [g!, x!], { ...conv, kernel: spatial(w!) }),
    ];
  },
  macs: ({ inputs: [x, w] }) => sizeOf(x!.shape) * sizeOf(w!.shape.slice(1)),
};

/** Convolution (cross-correlation) of x [N, C, H, W] with w [O, C / groups, kh, kw], plus bias [O]. */
export function conv2d(x: Value, w: Value, bias: Value | undefined, options: ConvolutionOptions = {}): Value {
  return apply(conv2dOperator, bias === undefined ? [x, w] : [x, w, bias], attributesOf(options));
}

/** A transposed convolution without padding whose kernel and stride are equal: each input pixel becomes a k × k block. */
export function convTranspose2d(x: Value, w: Value, { stride }: { stride: number }): Value {
  const [h, width] = spatial(x);
  const outputSize = [(h - 1) * stride + spatial(w)[0], (width - 1) * stride + spatial(w)[1]] as const;
  return apply(convTranspose2dOperator, [x, w], { stride: [stride, stride], padding: [0, 0], groups: 1, outputSize });
}
