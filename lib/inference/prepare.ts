import type { Config } from "../config/schema.js";
import { paddedSize } from "../datasets/loader/padding.js";
import { metaOf } from "../datasets/meta.js";
import { applyTransforms } from "../datasets/transforms/index.js";
import { writeNormalised } from "../images/normalise.js";
import type { Picture } from "../images/picture.js";
import type { InferenceBatch } from "../models/predictions.js";
import { Random } from "../random.js";

/** A picture as a batch of one: the config's test transforms, normalised and padded as in validation. */
export function prepare(picture: Picture, file: string, data: Config["data"]): InferenceBatch {
  const meta = metaOf({ id: 0, file }, picture);
  const sample = applyTransforms({ picture, meta }, data.transforms.test, Random.of("prepare"));
  const padded = paddedSize([sample.picture], data.padding);
  const images = new Float32Array(3 * padded.height * padded.width); // [1, 3, H, W]
  const padding = { paddedHeight: padded.height, paddedWidth: padded.width };
  writeNormalised(sample.picture, images, 0, { ...data.normalisation, ...padding });
  return { images, height: padded.height, width: padded.width, meta: [sample.meta] };
}
