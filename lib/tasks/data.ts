import type { Config } from "../config/schema.js";
import { createLoader, type Loader } from "../datasets/loader/loader.js";
import type { BatchOf } from "../datasets/loader/types.js";
import type { DetectionDataset, SegmentationDataset } from "../datasets/types.js";
import { UserError } from "../errors.js";

type SizedDataset = DetectionDataset | SegmentationDataset;

/** Shuffled batches for training. */
export function trainingLoader<D extends SizedDataset>(dataset: D, config: Config, masks: boolean): Loader<BatchOf<D>> {
  return createLoader({
    ...sharedOptions(dataset, config, masks),
    transforms: config.data.transforms.train,
    batchSize: config.data.batchSize,
    shuffle: true,
    grouping: config.data.grouping,
    reuse: true,
    decode: config.data.decode,
  });
}

/** Every picture once, in order; annotations go through the test transforms too, for the validation loss. */
export function validationLoader<D extends SizedDataset>(
  dataset: D,
  config: Config,
  masks: boolean,
): Loader<BatchOf<D>> {
  checkTestTransforms(config);
  return createLoader({
    ...sharedOptions(dataset, config, masks),
    transforms: config.data.transforms.test,
    batchSize: config.data.testBatchSize,
    grouping: "none",
  });
}

function sharedOptions<D extends SizedDataset>(dataset: D, { data, training }: Config, masks: boolean) {
  const { padding, normalisation, workers, prefetch, codec } = data;
  return { dataset, seed: training.seed, padding, normalisation, workers, prefetch, codec, masks };
}

/** What is found in a resized and padded picture can be brought back to the original; after other transforms it cannot. */
export function checkTestTransforms({ data }: Config): void {
  const other = data.transforms.test.find(({ type }) => type !== "resize" && type !== "pad");
  if (other === undefined) return;
  throw new UserError(
    `data.transforms.test: "${other.type}" cannot be undone on what the model finds; only resize and pad may stand here`,
  );
}
