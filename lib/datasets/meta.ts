import type { Size } from "../pixels/image.js";
import type { SampleMeta } from "./types.js";

/** What there is to say of an image nothing has been done to yet. */
export function metaOf({ id, file }: Pick<SampleMeta, "id" | "file">, { width, height }: Size): SampleMeta {
  return { id, file, originalWidth: width, originalHeight: height, width, height, scaleFactor: [1, 1], flipped: false };
}
