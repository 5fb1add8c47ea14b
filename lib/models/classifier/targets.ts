/** How a batch's labels become training targets. */
export interface TargetOptions {
  readonly classes: number;
  /** Label smoothing: share of each label that is spread over all classes. */
  readonly labelSmoothing: number;
  /** [classes] */
  readonly classWeights?: readonly number[] | undefined;
  /** How much of an image is its own; the rest is that of the one at the same place from the end. */
  readonly own: number;
}

/**
 * Labels as [B, classes] weights of the log probabilities, so that the loss is minus the weighted sum of those:
 * smoothed, mixed as the images were, divided by B, or, with class weights, by the sum of the images' weights, as
 * PyTorch's mean does.
 */
export function targetsOf(labels: Int32Array, options: TargetOptions): Float32Array {
  const { classes, labelSmoothing, classWeights, own } = options;
  const batch = labels.length;
  const targets = new Float32Array(batch * classes);
  let total = 0;
  for (let i = 0; i < batch; i++) {
    for (const [label, share] of [
      [labels[i]!, own],
      [labels[batch - 1 - i]!, 1 - own],
    ] as const) {
      if (share === 0) continue;
      for (let k = 0; k < classes; k++) {
        const target = share * ((k === label ? 1 - labelSmoothing : 0) + labelSmoothing / classes);
        targets[i * classes + k]! += target * (classWeights?.[k] ?? 1);
      }
      total += share * (classWeights?.[label] ?? 1);
    }
  }
  return targets.map((value) => value / total);
}
