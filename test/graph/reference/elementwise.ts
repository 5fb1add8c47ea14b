import type { AttributesOf } from "../../../lib/graph/index.js";
import { atBroadcast, build, type Reference, type Tensor } from "./tensor.js";

function commonShape(inputs: readonly Tensor[]): number[] {
  const rank = Math.max(...inputs.map((x) => x.shape.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = inputs.map((x) => x.shape[i - rank + x.shape.length] ?? 1);
    return sizes.find((n) => n !== 1) ?? 1;
  });
}

/** f applied to the broadcast elements. */
export const elementwise =
  (f: (...x: number[]) => number): Reference<unknown> =>
  (inputs) => [build(commonShape(inputs), (index) => f(...inputs.map((x) => atBroadcast(x, index))))];

/** The error function as its Taylor series, good to 1e-12 for |x| up to 3. */
export function errorFunction(x: number): number {
  let term = x;
  let total = x;
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}

const phi = (x: number) => 0.5 * (1 + errorFunction(x / Math.SQRT2));

export const add = elementwise((a, b) => a! + b!);
export const sub = elementwise((a, b) => a! - b!);
export const mul = elementwise((a, b) => a! * b!);
export const div = elementwise((a, b) => a! / b!);
export const maximum = elementwise((a, b) => Math.max(a!, b!));
export const minimum = elementwise((a, b) => Math.min(a!, b!));
export const less = elementwise((a, b) => (a! < b! ? 1 : 0));
export const equal = elementwise((a, b) => (a === b ? 1 : 0));
export const and = elementwise((a, b) => (a === 1 && b === 1 ? 1 : 0));
export const neg = elementwise((x) => -x!);
export const exp = elementwise((x) => Math.exp(x!));
export const log = elementwise((x) => Math.log(x!));
export const sqrt = elementwise((x) => Math.sqrt(x!));
export const abs = elementwise((x) => Math.abs(x!));
export const sign = elementwise((x) => Math.sign(x!));
export const floor = elementwise((x) => Math.floor(x!));
export const sigmoid = elementwise((x) => 1 / (1 + Math.exp(-x!)));
export const erf = elementwise((x) => errorFunction(x!));
export const where = elementwise((condition, a, b) => (condition === 1 ? a! : b!));
export const clip: Reference<AttributesOf<"clip">> = ([x], { low, high }) => [
  { shape: x!.shape, data: x!.data.map((value) => Math.min(Math.max(value, low), high)) },
];

export const relu = elementwise((x) => Math.max(0, x!));
export const reluGradient = elementwise((y, g) => (y! > 0 ? g! : 0));
export const gelu = elementwise((x) => x! * phi(x!));
export const geluGradient = elementwise((x, g) => {
  const density = Math.exp((-x! * x!) / 2) / Math.sqrt(2 * Math.PI);
  return g! * (phi(x!) + x! * density);
});

/** Casts to integers truncate; to bool, everything but 0 is true. */
export const cast: Reference<AttributesOf<"cast">> = ([x], { dtype }) => [
  build(x!.shape, (index) => {
    const value = atBroadcast(x!, index);
    if (dtype === "bool") return value === 0 ? 0 : 1;
    return dtype === "float32" ? value : Math.trunc(value);
  }),
];
