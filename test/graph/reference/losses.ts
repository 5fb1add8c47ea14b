import { resizeBilinear, resizeBilinearGradient } from "./resampling.js";
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

/** Resizes, then sums the weighted losses over pixels; the gradient is resized back. */
export const resizedCrossEntropy: Reference<unknown> = ([logits, labels, weights]) => {
  const [b, classes, h, w] = logits!.shape as [number, number, number, number];
  const [, height, width] = labels!.shape as [number, number, number];
  const [full] = resizeBilinear([logits!], { size: [height, width] });
  const as = (x: Tensor, shape: readonly number[]): Tensor => ({ shape, data: x.data });
  const pixels = as(full!, [b, classes, height * width]);
  const own = as(labels!, [b, height * width]);
  const each = as(weights!, [b, height * width]);
  const [losses] = softmaxCrossEntropy([pixels, own], {});
  let total = 0;
  losses!.data.forEach((loss, i) => {
    total += loss * each.data[i]!;
  });
  const [gradient] = softmaxCrossEntropyGradient([pixels, own, each], {});
  const back = resizeBilinearGradient([as(gradient!, [b, classes, height, width])], { size: [h, w] });
  return [build([], () => total), back[0]!];
};
