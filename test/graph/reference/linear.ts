import type { AttributesOf } from "../../../lib/graph/index.js";
import { at, atBroadcast, atOrZero, build, flat, indicesOf, type Reference, type Tensor, zerosOf } from "./tensor.js";

export const matMul: Reference<AttributesOf<"matMul">> = ([a, b], { transposeA, transposeB }) => {
  const [m, k] = transposeA ? [a!.shape.at(-1)!, a!.shape.at(-2)!] : [a!.shape.at(-2)!, a!.shape.at(-1)!];
  const n = transposeB ? b!.shape.at(-2)! : b!.shape.at(-1)!;
  const rank = Math.max(a!.shape.length, b!.shape.length) - 2;
  const batch = Array.from({ length: rank }, (_, i) =>
    Math.max(a!.shape[i - rank + a!.shape.length - 2] ?? 1, b!.shape[i - rank + b!.shape.length - 2] ?? 1),
  );
  return [
    build([...batch, m, n], (index) => {
      const outer = index.slice(0, -2);
      const [row, column] = index.slice(-2) as [number, number];
      let total = 0;
      for (let i = 0; i < k; i++) {
        const left = atBroadcast(a!, [...outer, ...(transposeA ? [i, row] : [row, i])]);
        const right = atBroadcast(b!, [...outer, ...(transposeB ? [column, i] : [i, column])]);
        total += left * right;
      }
      return total;
    }),
  ];
};

type Convolution = AttributesOf<"conv2d">;
type Product = (
  n: number,
  from: readonly [c: number, y: number, x: number],
  to: number,
  tap: readonly number[],
) => void;

/** Calls `visit` for every product of a convolution's sums: image, positions in x, in the output and in the kernel. */
function everyProduct(
  output: readonly number[],
  kernel: readonly number[],
  {
    stride,
    padding,
    groups,
    dilation = [1, 1],
  }: Pick<Convolution, "stride" | "groups"> &
    Partial<Pick<Convolution, "dilation">> & { readonly padding: readonly number[] },
  visit: Product,
): void {
  const [, outputs] = output as [number, number];
  const perGroup = kernel[1]!;
  for (const [n, o, y, x] of indicesOf(output) as [number, number, number, number][]) {
    const group = Math.floor(o / (outputs / groups));
    const to = flat({ shape: output }, [n, o, y, x]);
    for (const [c, ky, kx] of indicesOf(kernel.slice(1)) as [number, number, number][]) {
      const [down, across] = [ky * dilation[0] - padding[0]!, kx * dilation[1] - padding[1]!];
      const from = [group * perGroup + c, y * stride[0] + down, x * stride[1] + across] as const;
      visit(n, from, to, [o, c, ky, kx]);
    }
  }
}

export const conv2d: Reference<Convolution> = ([x, w, bias], attributes) => {
  const { stride, padding, dilation } = attributes;
  const [down, across] = [(w!.shape[2]! - 1) * dilation[0], (w!.shape[3]! - 1) * dilation[1]];
  const height = Math.floor((x!.shape[2]! + padding[0] + padding[2] - down - 1) / stride[0]) + 1;
  const width = Math.floor((x!.shape[3]! + padding[1] + padding[3] - across - 1) / stride[1]) + 1;
  const y: Tensor = build([x!.shape[0]!, w!.shape[0]!, height, width], ([, o]) => bias?.data[o!] ?? 0);
  everyProduct(y.shape, w!.shape, attributes, (n, from, to, tap) => {
    y.data[to]! += atOrZero(x!, [n, ...from]) * at(w!, tap);
  });
  return [y];
};

/** Adds to an element of x [N, C, H, W], unless the position is outside. */
function addInside(x: Tensor, [n, c, y, i]: readonly [number, number, number, number], value: number): void {
  if (y >= 0 && y < x.shape[2]! && i >= 0 && i < x.shape[3]!) x.data[flat(x, [n, c, y, i])]! += value;
}

export const conv2dInputGradient: Reference<AttributesOf<"conv2dInputGradient">> = ([g, w], attributes) => {
  const x = zerosOf([g!.shape[0]!, w!.shape[1]! * attributes.groups, ...attributes.inputSize]);
  everyProduct(g!.shape, w!.shape, attributes, (n, from, to, tap) => {
    addInside(x, [n, ...from], g!.data[to]! * at(w!, tap));
  });
  return [x];
};

export const conv2dWeightGradient: Reference<AttributesOf<"conv2dWeightGradient">> = ([x, g], attributes) => {
  const w = zerosOf([g!.shape[1]!, x!.shape[1]! / attributes.groups, ...attributes.kernel]);
  everyProduct(g!.shape, w.shape, attributes, (n, from, to, tap) => {
    w.data[flat(w, tap)]! += atOrZero(x!, [n, ...from]) * g!.data[to]!;
  });
  return [w];
};

/** Every input pixel adds its kernel, scaled, to the output. */
export const convTranspose2d: Reference<AttributesOf<"convTranspose2d">> = ([x, w], attributes) => {
  const y = zerosOf([x!.shape[0]!, w!.shape[1]! * attributes.groups, ...attributes.outputSize]);
  everyProduct(x!.shape, w!.shape, attributes, (n, from, to, tap) => {
    addInside(y, [n, ...from], x!.data[to]! * at(w!, tap));
  });
  return [y];
};
