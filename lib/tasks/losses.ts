import type { Losses } from "../models/model.js";

/** Adds losses up, batch by batch. */
export interface LossMean {
  /** @param weight how much the batch counts, such as its number of images */
  add(losses: Losses, weight: number): void;
  /**
   * The weighted means: the sum of the parts as `loss`, and the parts if there are several. Empty if none were added.
   */
  metrics(): Record<string, number>;
}

export function lossMean(): LossMean {
  const sums = new Map<string, number>();
  let total = 0;
  return {
    add(losses, weight) {
      for (const [name, value] of Object.entries(losses)) sums.set(name, (sums.get(name) ?? 0) + weight * value);
      total += weight;
    },
    metrics() {
      if (total === 0) return {};
      const means = Object.fromEntries([...sums].map(([name, sum]) => [`${name}Loss`, sum / total]));
      const loss = totalLoss(means);
      return sums.size === 1 ? { loss } : { loss, ...means };
    },
  };
}

export function totalLoss(losses: Losses): number {
  return Object.values(losses).reduce((a, b) => a + b, 0);
}
