import type { Backbone } from "../backbones/backbone.js";
import { backboneTitle } from "../backbones/index.js";
import type { Config } from "../config/schema.js";
import { pickImages } from "../datasets/limit.js";
import type { Batch, BatchOf } from "../datasets/loader/batch.js";
import { createLoader, type Loader } from "../datasets/loader/loader.js";
import { SIZE_MULTIPLE } from "../datasets/loader/padding.js";
import type { LoaderOptions } from "../datasets/loader/types.js";
import type { Dataset } from "../datasets/types.js";
import { UserError } from "../errors.js";
import { Random } from "../random.js";
import { counted } from "../words.js";
import type { TrainingData } from "./task.js";

/** Loader options that only some tasks use. */
export type LoaderExtras = Pick<LoaderOptions, "masks" | "repeats" | "classOf" | "draws">;

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

/**
 * Shuffled batches for training; where a share of the images is held out from it (`training.architecture.heldOut`), batches
 * of those too. Which ones they are depends on the seed alone.
 *
 * @param extrasOf what the loader of a data set, or of a part of it, is asked besides
 * @throws UserError where there are too few images for that
 */
export function trainingLoaders<D extends Dataset>(
  dataset: D,
  config: Config,
  extrasOf: (dataset: D) => LoaderExtras = () => ({}),
): Pick<TrainingData<BatchOf<D>>, "loader" | "heldOut"> {
  const { architecture, seed } = config.training;
  const share = architecture?.heldOut ?? 0;
  if (share === 0) return { loader: trainingLoader(dataset, config, extrasOf(dataset)) };
  const { length } = dataset;
  const count = Math.round(share * length);
  if (count === 0 || count === length) {
    throw new UserError(
      `training.architecture.heldOut: ${share} of the ${counted(length, "training image")} is ${count === 0 ? "none" : "all"}; ` +
        "both α and the weights need some. Set another share, or 0 to train both on the same images",
    );
  }
  const order = Random.of(seed, "heldOut").choose(length, length);
  const loaderOf = (picked: Int32Array) => {
    const part = pickImages(dataset, picked);
    return withIndices(trainingLoader(part, config, extrasOf(part)), picked);
  };
  return { loader: loaderOf(order.slice(count).sort()), heldOut: loaderOf(order.slice(0, count).sort()) };
}

/** Batches of picked images that tell the images' indices in the whole data set. */
function withIndices<B extends Batch>(loader: Loader<B>, picked: Int32Array): Loader<B> {
  async function* whole(batches: AsyncGenerator<B, void, undefined>): AsyncGenerator<B, void, undefined> {
    for await (const batch of batches) yield { ...batch, indices: batch.indices.map((i) => picked[i]!) };
  }
  return {
    batchesPerEpoch: loader.batchesPerEpoch,
    batches: (range) => whole(loader.batches(range)),
    epoch: (epoch) => whole(loader.epoch(epoch)),
    get waitedMs() {
      return loader.waitedMs;
    },
    dispose: () => loader.dispose(),
  };
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

/** @throws UserError when batches may have sides that the backbone does not take */
export function checkPadding(
  { data, model }: Config,
  { multiple = SIZE_MULTIPLE }: Partial<Pick<Backbone, "multiple">>,
): void {
  const { multipleOf, sizes } = data.padding;
  const wrong = [
    ...(multipleOf % multiple === 0 ? [] : [`data.padding.multipleOf is ${multipleOf}`]),
    ...sizes
      .filter(({ width, height }) => width % multiple !== 0 || height % multiple !== 0)
      .map(({ width, height }) => `data.padding.sizes has ${width} × ${height}`),
  ];
  if (wrong.length === 0) return;
  throw new UserError(
    `model.backbone: both sides of images must be multiples of ${multiple} for ${backboneTitle(model.backbone)}, but ${wrong.join(", and ")}; ` +
      `set it to ${multiple} or a multiple of that`,
  );
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
