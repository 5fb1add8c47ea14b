import type { Config } from "../config/schema.js";
import { createLoader, type Loader } from "../datasets/loader/loader.js";
import type { BatchOf, LoaderOptions } from "../datasets/loader/types.js";
import type { Dataset } from "../datasets/types.js";
import { UserError } from "../errors.js";

/** Loader options that only some tasks use. */
export type LoaderExtras = Pick<LoaderOptions, "masks" | "repeats" | "classOf">;

/** Shuffled batches for training. */
export function trainingLoader<D extends Dataset>(
  dataset: D,
  config: Config,
  extras: LoaderExtras = {},
): Loader<BatchOf<D>> {
  return createLoader({
    ...sharedOptions(dataset, config, extras),
    transforms: config.data.transforms.train,
    batchSize: config.data.batchSize,
    shuffle: true,
    grouping: config.data.grouping,
    reuse: true,
    decode: config.data.decode,
  });
}

/** Every image once, in order; annotations go through the test transforms too, for the validation loss. */
export function validationLoader<D extends Dataset>(
  dataset: D,
  config: Config,
  extras: Pick<LoaderExtras, "masks"> = {},
): Loader<BatchOf<D>> {
  return createLoader({
    ...sharedOptions(dataset, config, extras),
    transforms: config.data.transforms.test,
    batchSize: config.data.testBatchSize,
    grouping: "none",
  });
}

function sharedOptions<D extends Dataset>(dataset: D, { data, training }: Config, extras: LoaderExtras) {
  const { padding, normalisation, workers, prefetch, codec } = data;
  return { masks: false, ...extras, dataset, seed: training.seed, padding, normalisation, workers, prefetch, codec };
}

/**
 * @throws UserError when test transforms cannot be undone: only results in a resized and padded image can be mapped
 *   back to the original
 */
export function checkUndone({ data }: Config): void {
  const other = data.transforms.test.find(({ type }) => type !== "resize" && type !== "pad");
  if (other === undefined) return;
  throw new UserError(
    `data.transforms.test: "${other.type}" cannot be undone on the model's results; only resize and pad may be used here`,
  );
}
