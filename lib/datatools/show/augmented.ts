import type { Config } from "../../config/schema.js";
import { placeMasks } from "../../datasets/instances.js";
import type { Batch } from "../../datasets/loader/batch.js";
import type { Dataset, Instances, Sample } from "../../datasets/types.js";
import { readNormalised } from "../../pixels/normalise.js";
import { trainingLoader } from "../../tasks/data.js";
import { imageDraws } from "../../tasks/detection/draws.js";

/**
 * The first samples of a training epoch, read back from the loader's normalised and padded batches, so that what is
 * drawn is exactly what the network gets. Images that come twice, to fill a batch, are drawn once.
 *
 * @param options.seed replaces training.seed; 0 keeps the config's own
 */
export async function* augmentedSamples(
  dataset: Dataset,
  config: Config,
  { count, seed }: { readonly count: number; readonly seed: number },
): AsyncGenerator<Sample, void, undefined> {
  const { training, data } = config;
  const workers = Math.min(data.workers, Math.ceil(count / data.batchSize));
  const own = {
    ...config,
    data: { ...data, workers },
    training: seed === 0 ? training : { ...training, seed },
  } as Config;
  const masks = dataset.kind === "detection" && dataset.hasMasks;
  const isBalanced = "sampling" in data && data.sampling === "balanced";
  const classOf = isBalanced && dataset.kind === "classification" ? { classOf: dataset.labels } : {};
  const draws = dataset.kind === "detection" && "dropEmpty" in data ? imageDraws(dataset, data) : {};
  const loader = trainingLoader(dataset, own, { masks, ...classOf, ...draws });
  try {
    const shown = new Set<number>();
    for await (const batch of loader.epoch()) {
      for (const sample of samplesOf(batch, config)) {
        if (shown.has(sample.meta.id)) continue;
        yield sample;
        if (shown.add(sample.meta.id).size === count) return;
      }
    }
  } finally {
    await loader.dispose();
  }
}

function samplesOf(batch: Batch, { data }: Config): Sample[] {
  const { images, height, width, meta } = batch;
  const plane = height * width;
  return meta.map((own, i): Sample => {
    const options = { ...data.normalisation, paddedHeight: height, paddedWidth: width };
    const sample = { image: readNormalised(images, 3 * i * plane, options), meta: own };
    if (batch.kind === "detection") return { ...sample, instances: padded(batch.instances[i]!, height, width) };
    if (batch.kind === "classification") return { ...sample, label: batch.labels[i]! };
    return { ...sample, labelMap: { width, height, data: batch.labels.slice(i * plane, (i + 1) * plane) } };
  });
}

/** Masks of the padded size; boxes are in the same pixels already. */
function padded(instances: Instances, height: number, width: number): Instances {
  return { ...instances, masks: placeMasks(instances.masks, { width, height }) };
}
