import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { cacheFolder } from "../../cacheFolder.js";
import type { ItemImage } from "../../datasets/sets/kind.js";
import { writeFileAtomic } from "../../files.js";
import { classPalette } from "../../images/draw/palette.js";
import { encodeIndexedPng } from "../../images/encode.js";
import { writeRgbPng } from "../../images/png.js";
import type { Image, LabelMap } from "../../pixels/image.js";

/** The file of an image: its own, or a PNG in the cache, named by its content. */
export const imageFile = (image: ItemImage): Promise<string> =>
  typeof image === "string" ? Promise.resolve(resolve(image)) : kept(image, "images", () => writeRgbPng(image));

/** The same of a label map. */
export const labelMapFile = (map: string | LabelMap): Promise<string> =>
  typeof map === "string"
    ? Promise.resolve(resolve(map))
    : kept(map, "labelMaps", () => encodeIndexedPng(map, classPalette(255)));

async function kept(
  { width, height, data }: Image | LabelMap,
  folder: string,
  encode: () => Uint8Array,
): Promise<string> {
  const hash = createHash("sha256").update(`${width}×${height} `).update(data).digest("hex");
  const file = join(cacheFolder(), "datasets", folder, `${hash.slice(0, 32)}.png`);
  if (!existsSync(file)) await writeFileAtomic(file, encode());
  return file;
}
