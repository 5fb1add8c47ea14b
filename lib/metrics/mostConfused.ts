/** A class taken for another. */
export interface Confusion {
  /** Row and column of the matrix. */
  readonly truth: number;
  readonly predicted: number;
  readonly count: number;
  /** As a share of all that is truly of the row's class, 0 … 1. */
  readonly share: number;
}

/**
 * The largest counts off the diagonal.
 *
 * @param counts [size, size] by true class (rows) and predicted class (columns)
 */
export function mostConfused(counts: Float64Array, size: number, most: number): Confusion[] {
  const all: Confusion[] = [];
  for (let truth = 0; truth < size; truth++) {
    const row = counts.subarray(truth * size, (truth + 1) * size);
    const total = row.reduce((a, b) => a + b, 0);
    row.forEach((count, predicted) => {
      if (count > 0 && predicted !== truth) all.push({ truth, predicted, count, share: count / total });
    });
  }
  return all.sort((a, b) => b.count - a.count).slice(0, most);
}
