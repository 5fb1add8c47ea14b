import { apply, check, type Operator, type Value } from "../value.js";
import { logSumExp, relu, softmax } from "./activations.js";
import { abs, add, cast, div, equal, exp, log, mul, neg, sub } from "./elementwise.js";
import { int32Indices, scalar } from "./leaves.js";
import { sum } from "./reductions.js";
import { reshape } from "./shaping.js";

type None = Record<string, never>;

/**
 * −log softmax(logits)[label] for every position: logits [N, K, P], labels int32 [N, P] in 0 … K − 1 → [N, P].
 * Where a label is out of range the result has no meaning and its gradient must be weighted by zero.
 */
export const softmaxCrossEntropyOperator: Operator<None> = {
  name: "softmaxCrossEntropy",
  infer: ([logits, labels]) => {
    check(logits!.shape.length === 3, () => "logits are [N, K, P]");
    const [n, , p] = logits!.shape as [number, number, number];
    check(labels!.dtype === "int32" && `${labels!.shape}` === `${[n, p]}`, () => `labels are int32[${n},${p}]`);
    return [{ shape: [n, p], dtype: logits!.dtype }];
  },
  gradient: ({ inputs: [logits, labels] }, [g]) => [
    apply(softmaxCrossEntropyGradientOperator, [logits!, labels!, g!], {}),
    undefined,
  ],
  decompose: ({ inputs: [logits, labels], outputs: [y] }) => {
    const own = sum(mul(logits!, oneHot(labels!, logits!.shape[1]!)), { axes: [1] });
    return [sub(reshape(logSumExp(logits!, 1), y!.shape), own)];
  },
};

/** (softmax(logits) − one-hot(label)) · g: logits [N, K, P], labels int32 [N, P], g [N, P] → [N, K, P]. */
export const softmaxCrossEntropyGradientOperator: Operator<None> = {
  name: "softmaxCrossEntropyGradient",
  infer: ([logits]) => [{ shape: logits!.shape, dtype: logits!.dtype }],
  decompose: ({ inputs: [logits, labels, g] }) => {
    const [n, k, p] = logits!.shape as [number, number, number];
    const difference = sub(softmax(logits!, 1), oneHot(labels!, k));
    return [mul(difference, reshape(g!, [n, 1, p]))];
  },
};

/** int32 [N, P] → float32 [N, K, P]; all zeros where the label is not in 0 … K − 1. */
function oneHot(labels: Value, classes: number): Value {
  const [n, p] = labels.shape as [number, number];
  const numbers = reshape(int32Indices(Array.from({ length: classes }, (_, i) => i)), [1, classes, 1]);
  return cast(equal(reshape(labels, [n, 1, p]), numbers), "float32");
}

export const softmaxCrossEntropy = (logits: Value, labels: Value): Value =>
  apply(softmaxCrossEntropyOperator, [logits, labels], {});

/** log(1 + exp(x)), stable on both sides. */
export function softplus(x: Value): Value {
  return add(relu(x), log(add(exp(neg(abs(x))), scalar(1))));
}

/** −t · log σ(x) − (1 − t) · log(1 − σ(x)) for logits x and targets t of one shape. */
export const sigmoidCrossEntropy = (x: Value, target: Value): Value => sub(softplus(x), mul(x, target));

/** Σ weight · x / Σ weight, or 0 where all weights are 0. */
export function weightedMean(x: Value, weight: Value): Value {
  return div(sum(mul(x, weight)), add(sum(weight), scalar(1e-12)));
}
