import { at, build, type Reference, type Tensor } from "./tensor.js";

/** exp(logits[n, ·, p]) over its sum. */
function probabilities(logits: Tensor, n: number, p: number): number[] {
  const exponentials = Array.from({ length: logits.shape[1]! }, (_, k) => Math.exp(at(logits, [n, k, p])));
  const total = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((x) => x / total);
}

export const softmaxCrossEntropy: Reference<unknown> = ([logits, labels]) => [
  build(labels!.shape, ([n, p]) => -Math.log(probabilities(logits!, n!, p!)[at(labels!, [n!, p!])]!)),
];

export const softmaxCrossEntropyGradient: Reference<unknown> = ([logits, labels, g]) => [
  build(logits!.shape, ([n, k, p]) => {
    const target = at(labels!, [n!, p!]) === k ? 1 : 0;
    return (probabilities(logits!, n!, p!)[k!]! - target) * at(g!, [n!, p!]);
  }),
];
