import type { Config } from "../config/schema.js";
import { paddedSize } from "../datasets/loader/padding.js";
import { metaOf } from "../datasets/meta.js";
import { applyTransforms } from "../datasets/transforms/index.js";
import type { InferenceBatch } from "../models/predictions.js";
import type { Image } from "../pixels/image.js";
import { writeNormalised } from "../pixels/normalise.js";
import { Random } from "../random.js";

/** An image as a batch of one: the config's test transforms, normalised and padded as in validation. */
export function prepare(image: Image, file: string, data: Config["data"]): InferenceBatch {
  const meta = metaOf({ id: 0, file }, image);
  const sample = applyTransforms({ image, meta }, data.transforms.test, Random.of("prepare"));
  const padded = paddedSize([sample.image], data.padding);
  const images = new Float32Array(3 * padded.height * padded.width); // [1, 3, H, W]
  const padding = { paddedHeight: padded.height, paddedWidth: padded.width };
  writeNormalised(sample.image, images, 0, { ...data.normalisation, ...padding });
  return { images, height: padded.height, width: padded.width, meta: [sample.meta] };
}

/** Batches in their order, neighbours of one size joined. */
export function joinEqual(batches: readonly InferenceBatch[]): InferenceBatch[] {
  const runs: InferenceBatch[][] = [];
  for (const batch of batches) {
    const last = runs.at(-1) ?? [];
    const [first] = last;
    if (first?.height === batch.height && first.width === batch.width) last.push(batch);
    else runs.push([batch]);
  }
  return runs.map((run) => (run.length === 1 ? run[0]! : joined(run)));
}

function joined(run: readonly InferenceBatch[]): InferenceBatch {
  const images = new Float32Array(run.reduce((sum, batch) => sum + batch.images.length, 0));
  let at = 0;
  for (const batch of run) {
    images.set(batch.images, at);
    at += batch.images.length;
  }
  return { ...run[0]!, images, meta: run.flatMap(({ meta }) => meta) };
}
