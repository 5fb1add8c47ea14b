import type { Size } from "../pixels/image.js";
import type { SampleMeta } from "./types.js";

/** The meta of an image to which no transform has been applied. */
export function metaOf({ id, file }: Pick<SampleMeta, "id" | "file">, { width, height }: Size): SampleMeta {
  return { id, file, originalWidth: width, originalHeight: height, width, height, scaleFactor: [1, 1], flipped: false };
}
