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
