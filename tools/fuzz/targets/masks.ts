import { encodeIndexedPng } from "../../../lib/images/encode.js";
import type { Random } from "../../../lib/random.js";
import { annotationTarget } from "../annotations/target.js";
import { SIZE } from "../annotations/values.js";
import { mutate } from "../mutate.js";

export const target = annotationTarget({
  about: "masks stored as PNGs, damaged, in all three layouts",
  file: "masks/scene_1.png",
  make: (random) => (random.next() < 0.2 ? maskOf(random) : mutate(maskOf(random), random)),
  sources: (folder, images) =>
    (["instances", "classes", "objects"] as const).map((layout) => ({
      ...{ format: "masks", input: `${folder}/masks`, images, layout, suffix: "_1.png" },
      ...(layout === "objects" && { pattern: "^(?<image>scene)_(?<class>1)$" }),
    })),
});

/** Mostly of the image's size. */
function maskOf(random: Random): Uint8Array {
  const { width, height } =
    random.next() < 0.9 ? SIZE : { width: 1 + random.integer(40), height: 1 + random.integer(40) };
  const data = Uint8Array.from({ length: width * height }, () => (random.next() < 0.5 ? 0 : random.integer(3)));
  return encodeIndexedPng({ width, height, data }, []);
}
