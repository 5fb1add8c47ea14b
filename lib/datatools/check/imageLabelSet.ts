import { join } from "node:path";
import { findMissing } from "../../datasets/folders.js";
import { classesOf, classIndices, listLabelled, numbered, placeOf } from "../../datasets/imageLabels.js";
import type { ImageLabelsSource } from "../../tasks/sources.js";
import { counted, pick } from "../../words.js";
import type { CheckedSource } from "./cocoSet.js";
import type { Collector } from "./collector.js";
import { decodeAll } from "./images.js";
import type { CheckOptions } from "./types.js";

/** Every problem of images with one class each. */
export async function checkImageLabelSet(
  source: ImageLabelsSource,
  collector: Collector,
  options: Omit<CheckOptions, "sources">,
): Promise<CheckedSource> {
  const file = placeOf(source);
  const listed = await collector.attemptAsync(() => listLabelled(source));
  const images = numbered(listed ?? []);
  const set = { name: source.name, images: images.length };
  if (images.length === 0) {
    if (listed !== undefined) collector.add("error", "file", { file }, "there are no images here");
    return { set, classes: source.classes, fingerprints: [] };
  }
  const classes = source.classes ?? (await classesOf(source, images));
  const indexOf = classIndices(classes, source);
  const counts = new Float64Array(classes.length);
  for (const image of images) {
    const index = collector.attempt(() => indexOf(image));
    if (index !== undefined) counts[index]!++;
  }
  const unused = classes.filter((_, k) => counts[k] === 0);
  if (unused.length > 0) {
    const some = `${unused.slice(0, 10).join("; ")}${unused.length > 10 ? "; …" : ""}`;
    const message = `${unused.length} of ${counted(classes.length, "class", "classes")} ${pick(unused.length, "has", "have")} no image: ${some}`;
    collector.add("warning", "unused", { file }, message);
  }
  if (classes.length < 2) {
    collector.add("error", "category", { file }, "there is only one class; a classifier needs at least two");
  }
  const missing = await collector.attemptAsync(() => findMissing(source.images, images));
  for (const { file: name, hint } of missing ?? []) {
    collector.add(
      "error",
      "image",
      { file: join(source.images, name) },
      `${file} lists it, but it is missing; ${hint}`,
    );
  }
  if (options.pixels === false) return { set, classes, fingerprints: [] };
  const gone = new Set(missing?.map((one) => one.file));
  const paths = images
    .filter((image) => !gone.has(image.file))
    .map((image) => ({ path: join(source.images, image.file) }));
  const fingerprints = await decodeAll(paths, () => undefined, { collector, name: source.name, ...options });
  return { set, classes, fingerprints };
}
