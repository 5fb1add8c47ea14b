import { apply, type Operator, type TensorType, type Value } from "../value.js";
import { sum } from "./broadcasting.js";
import { add, and, cast, div, erf, exp, less, log, maximum, minimum, mul, sigmoid, sub, where } from "./elementwise.js";
import { scalar } from "./leaves.js";
import { max } from "./reductions.js";

type None = Record<string, never>;

const elementwise = ([x]: readonly TensorType[]): TensorType[] => [{ shape: x!.shape, dtype: x!.dtype }];

/** max(x, 0) */
export const reluOperator: Operator<None> = {
  name: "relu",
  kind: "elementwise",
  half: "follows",
  cheap: "inStep",
  infer: elementwise,
  gradient: ({ outputs: [y] }, [g]) => [apply(reluGradientOperator, [y!, g!], {})],
};

/** g where relu's output y is positive, otherwise 0. */
export const reluGradientOperator: Operator<None> = {
  name: "reluGradient",
  kind: "elementwise",
  infer: elementwise,
  gradient: ({ inputs: [y] }, [gg]) => [undefined, apply(reluGradientOperator, [y!, gg!], {})],
  decompose: ({ inputs: [y, g] }) => [mul(g!, cast(less(scalar(0), y!), "float32"))],
};

/** x clipped to low … high: ReLU6 with 0 … 6, part of hard-swish with other bounds. */
export const clipOperator: Operator<{ readonly low: number; readonly high: number }> = {
  name: "clip",
  kind: "elementwise",
  half: "follows",
  cheap: "inStep",
  infer: elementwise,
  // No gradient passes at the bounds themselves, as in PyTorch's hardtanh.
  gradient: ({ inputs: [x], attributes: { low, high } }, [g]) => {
    const inside = and(less(scalar(low), x!), less(x!, scalar(high)));
    return [where(inside, g!, scalar(0))];
  },
  decompose: ({ inputs: [x], attributes: { low, high } }) => [minimum(maximum(x!, scalar(low)), scalar(high))],
};

/** x · Φ(x), with the exact error function (Hendrycks and Gimpel 2016), not the tanh approximation. */
export const geluOperator: Operator<None> = {
  name: "gelu",
  kind: "elementwise",
  half: "follows",
  cheap: "inStep",
  infer: elementwise,
  gradient: ({ inputs: [x] }, [g]) => [apply(geluGradientOperator, [x!, g!], {})],
  decompose: ({ inputs: [x] }) => [mul(x!, normalCdf(x!))],
};

/** g · (Φ(x) + x · φ(x)) */
export const geluGradientOperator: Operator<None> = {
  name: "geluGradient",
  kind: "elementwise",
  infer: elementwise,
  // With u = x / √2 it is g / 2 · (erf(u) + 1 + 2 / √π · u · exp(−u²)); where exp(u²) overflows, the quotient is 0.
  decompose: ({ inputs: [x, g] }) => {
    const u = mul(x!, scalar(Math.SQRT1_2));
    const bump = mul(div(u, exp(mul(u, u))), scalar(2 / Math.sqrt(Math.PI)));
    return [mul(mul(g!, add(add(erf(u), scalar(1)), bump)), scalar(0.5))];
  },
};

/** Φ, the cumulative distribution of the standard normal. */
function normalCdf(x: Value): Value {
  return add(mul(erf(mul(x, scalar(Math.SQRT1_2))), scalar(0.5)), scalar(0.5));
}

/** Softmax over one axis. */
export const softmaxOperator: Operator<{ readonly axis: number }> = {
  name: "softmax",
  infer: elementwise,
  gradient: ({ outputs: [y], attributes: { axis } }, [g]) => {
    const product = mul(g!, y!);
    return [sub(product, mul(y!, sum(product, { axes: [axis], keepDims: true })))];
  },
  decompose: ({ inputs: [x], attributes: { axis } }) => {
    const shifted = exp(sub(x!, max(x!, { axes: [axis], keepDims: true })));
    return [div(shifted, sum(shifted, { axes: [axis], keepDims: true }))];
  },
};

/** max(x, 0). */
export const relu = (x: Value): Value => apply(reluOperator, [x], {});
/** x limited to low … high. */
export const clip = (x: Value, low: number, high: number): Value => apply(clipOperator, [x], { low, high });

/** x · σ(x), also called swish (Ramachandran et al. 2017). */
export const silu = (x: Value): Value => mul(x, sigmoid(x));

/** min(max(x / 6 + 1/2, 0), 1), the piecewise linear sigmoid of MobileNetV3 (Howard et al. 2019). */
export const hardSigmoid = (x: Value): Value => clip(add(mul(x, scalar(1 / 6)), scalar(0.5)), 0, 1);

/** x times its hard sigmoid. */
export const hardSwish = (x: Value): Value => mul(x, hardSigmoid(x));

/** x · Φ(x), with the exact error function. */
export const gelu = (x: Value): Value => apply(geluOperator, [x], {});
/** eˣ over its sum along an axis. */
export const softmax = (x: Value, axis: number): Value =>
  apply(softmaxOperator, [x], { axis: axis < 0 ? axis + x.shape.length : axis });

/** log Σ exp over one axis, kept, stable for large x. */
export function logSumExp(x: Value, axis: number): Value {
  const largest = max(x, { axes: [axis], keepDims: true });
  return add(log(sum(exp(sub(x, largest)), { axes: [axis], keepDims: true })), largest);
}
