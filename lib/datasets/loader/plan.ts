import { Random } from "../../random.js";

export interface PlanOptions {
  /** [n] group of each picture; a batch holds pictures of one group. */
  readonly groups: Uint8Array;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly lastBatch: "fill" | "short" | "drop";
  readonly seed: number;
}

/**
 * The batches of an epoch as data set indices: a function of (seed, epoch) alone, with the same number of batches every
 * epoch.
 */
export function planEpoch(options: PlanOptions, epoch: number): Int32Array[] {
  const { groups, batchSize, shuffle, lastBatch, seed } = options;
  const random = Random.of(seed, "order", epoch);
  const batches: Int32Array[] = [];
  for (let group = 0; group <= groups.reduce((a, b) => Math.max(a, b), 0); group++) {
    const members = Int32Array.from(groups.keys()).filter((i) => groups[i] === group);
    if (shuffle) random.shuffle(members);
    for (let start = 0; start < members.length; start += batchSize) {
      const batch = members.slice(start, start + batchSize);
      if (batch.length === batchSize || lastBatch === "short") batches.push(batch);
      else if (lastBatch === "fill") batches.push(fill(batch, members, batchSize));
    }
  }
  return shuffle ? random.shuffle(batches) : batches;
}

/** Goes on with the group's first pictures, round and round for a group smaller than a batch. */
function fill(batch: Int32Array, members: Int32Array, batchSize: number): Int32Array {
  return Int32Array.from({ length: batchSize }, (_, i) => batch[i] ?? members[(i - batch.length) % members.length]!);
}
