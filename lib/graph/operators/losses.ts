import { apply, check, type Operator, type Value } from "../value.js";
import { logSumExp, relu, softmax } from "./activations.js";
import { reshape, sum } from "./broadcasting.js";
import { abs, add, cast, equal, exp, log, mul, neg, sub } from "./elementwise.js";
import { int32Indices, scalar } from "./leaves.js";
import { resizeBilinear, resizeBilinearGradient } from "./resizing.js";

type None = Record<string, never>;

/**
 * −log softmax(logits)[label] for every position: logits [N, K, P], labels int32 [N, P] in 0 … K − 1 → [N, P]. Where a
 * label is out of range, the result is undefined and its gradient must be weighted by zero.
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

/** −log softmax(logits)[label]: logits [N, K, P], labels int32 [N, P] in 0 … K − 1 → [N, P]. */
export const softmaxCrossEntropy = (logits: Value, labels: Value): Value =>
  apply(softmaxCrossEntropyOperator, [logits, labels], {});

/** log(1 + exp(x)), stable on both sides. */
export function softplus(x: Value): Value {
  return add(relu(x), log(add(exp(neg(abs(x))), scalar(1))));
}

/** −t · log σ(x) − (1 − t) · log(1 − σ(x)) for logits x and targets t of the same shape. */
export const sigmoidCrossEntropy = (x: Value, target: Value): Value => sub(softplus(x), mul(x, target));

/**
 * Σ weight · cross-entropy of logits [B, K, h, w] enlarged bilinearly to the size of the labels, int32 [B, H, W] with
 * weights [B, H, W]: the same as `softmaxCrossEntropy` after `resizeBilinear`, in one operator, because K full-size
 * maps are by far the largest tensors of a segmentation step and an engine can do without them. Outputs: the loss []
 * and its gradient with respect to the logits. Labels out of range need a weight of 0.
 */
export const resizedCrossEntropyOperator: Operator<None> = {
  name: "resizedCrossEntropy",
  infer: ([logits, labels, weights]) => {
    const [b, height, width] = labels!.shape as [number, number, number];
    check(logits!.shape.length === 4 && logits!.shape[0] === b, () => "logits are [B, K, h, w] and labels [B, H, W]");
    check(labels!.dtype === "int32", () => "labels are int32");
    check(`${weights!.shape}` === `${[b, height, width]}`, () => "weights have the labels' shape");
    return [
      { shape: [], dtype: "float32" },
      { shape: logits!.shape, dtype: "float32" },
    ];
  },
  gradient: ({ outputs: [, gradient] }, [g]) => [g && mul(gradient!, g), undefined, undefined],
  decompose: ({ inputs: [logits, labels, weights] }) => {
    const [b, height, width] = labels!.shape as [number, number, number];
    const [, classes, h, w] = logits!.shape as [number, number, number, number];
    const flat = (x: Value) => reshape(x, [b, height * width]);
    const full = reshape(resizeBilinear(logits!, [height, width]), [b, classes, height * width]);
    const loss = sum(mul(softmaxCrossEntropy(full, flat(labels!)), flat(weights!)));
    const gradient = apply(softmaxCrossEntropyGradientOperator, [full, flat(labels!), flat(weights!)], {});
    return [loss, resizeBilinearGradient(reshape(gradient, [b, classes, height, width]), [h, w])];
  },
};

/**
 * Σ weight · cross-entropy of logits [B, K, h, w] enlarged to the size of labels int32 [B, H, W] and weights [B, H, W].
 */
export const resizedCrossEntropy = (logits: Value, labels: Value, weights: Value): Value =>
  apply(resizedCrossEntropyOperator, [logits, labels, weights], {});
