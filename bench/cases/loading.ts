import { createLoader } from "../../lib/datasets/loader/loader.js";
import type { LoaderOptions } from "../../lib/datasets/loader/types.js";
import type { TransformInput } from "../../lib/datasets/transforms/index.js";
import type { Dataset } from "../../lib/datasets/types.js";
import type { PreparedCase } from "../protocol.js";

export const BATCHES_PER_RUN = 44;

/** An endless training epoch: a run takes the next batches, which threads prefetch as in training. */
export function loading(
  dataset: Dataset,
  transforms: readonly TransformInput[],
  workers: number,
  grouping: NonNullable<LoaderOptions["grouping"]> = "none",
): PreparedCase {
  const options = { dataset, transforms, batchSize: 2, seed: 1, shuffle: true, grouping, workers, reuse: true };
  const loader = createLoader(options);
  const batches = loader.batches();
  let taken = 0;
  return {
    async run() {
      for (let i = 0; i < BATCHES_PER_RUN; i++, taken++) {
        if ((await batches.next()).done === true) throw new Error("the batches ended");
      }
    },
    note: () => `waited ${(loader.waitedMs / taken).toFixed(1)} ms per batch of 2`,
    async dispose() {
      await batches.return();
      await loader.dispose();
    },
  };
}
