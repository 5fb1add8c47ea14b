import { join } from "node:path";
import { fieldsOf } from "../../datasets/cocoChecks.js";
import { type CocoFile, readCocoFile } from "../../datasets/cocoFile.js";
import { type CocoAnnotation, readAnnotation, readCategories, readImages } from "../../datasets/cocoRecords.js";
import { findMissing, listImages } from "../../datasets/folders.js";
import { checkSize } from "../../datasets/sample.js";
import type { ImageInfo } from "../../datasets/types.js";
import { countPresent, setWork } from "../../datasets/work.js";
import { type CocoSource, originOf } from "../../tasks/sources.js";
import { counted, pick } from "../../words.js";
import { type Collector, TooManyFaults } from "./collector.js";
import { decodeAll, type Fingerprint } from "./images.js";
import { checkShapes } from "./shapes.js";
import type { CheckedSet, CheckOptions } from "./types.js";

export interface CheckedSource {
  readonly set: CheckedSet;
  /** Undefined if the class list could not be read. */
  readonly classes: readonly string[] | undefined;
  readonly fingerprints: readonly Fingerprint[];
}

/** Entries are longer than this and have only a few faults each. */
const BYTES_A_FAULT = 12;
const FAULTS = 1000;

/** Every problem of a COCO file and its images. */
export async function checkCocoSet(
  source: CocoSource,
  collector: Collector,
  options: Omit<CheckOptions, "sources">,
): Promise<CheckedSource> {
  const nothing = { set: { name: source.name, images: 0, annotations: 0 }, classes: undefined, fingerprints: [] };
  const file = await collector.attemptAsync(() =>
    readCocoFile(source.annotations, { handOver: options.handOver === true }),
  );
  if (file === undefined) return nothing;
  for (const remark of source.conversion ?? []) {
    collector.add("warning", "conversion", { file: originOf(source) }, remark);
  }
  collector.stopAt(FAULTS + Math.floor(file.bytes / BYTES_A_FAULT));
  try {
    return await checkEntries(file, source, collector, options);
  } catch (error) {
    if (!(error instanceof TooManyFaults)) throw error;
    const message = "there are more faults than a COCO instance file has entries; the rest was not checked";
    collector.add("error", "file", { file: source.annotations }, message);
    const { images, annotations } = file;
    return { ...nothing, set: { name: source.name, images: images.length, annotations: annotations.length } };
  }
}

async function checkEntries(
  file: CocoFile,
  source: CocoSource,
  collector: Collector,
  options: Omit<CheckOptions, "sources">,
): Promise<CheckedSource> {
  const path = source.annotations;
  const { attempt } = collector;
  const categories = attempt(() => readCategories(file.categories, path, source.classes, attempt));
  const faulty = new Set<number>();
  const images = readImages(file.images, path, attempt, faulty);
  const tables = {
    file: path,
    images,
    faulty,
    labelOf: categories?.labelOf ?? (() => -1),
    seen: new Set<number>(),
  };
  const work = setWork(() =>
    countPresent(
      source.images,
      Array.from(images.values(), (image) => image.file),
    ),
  );
  work.addFile(file.bytes);
  const annotations: CocoAnnotation[] = [];
  const maskless = new Set<CocoAnnotation>();
  for (const [i, entry] of file.annotations.entries()) {
    const annotation = readAnnotation(entry, i, tables, attempt);
    if (annotation === undefined) continue;
    annotations.push(annotation);
    const { bbox, segmentation } = fieldsOf(entry, annotation.place);
    if (segmentation === undefined || segmentation === null || isEmptyList(segmentation)) maskless.add(annotation);
    checkShapes(annotation, bbox !== undefined && bbox !== null, collector, work);
  }
  if (file.images.length === 0) collector.add("error", "file", { file: path }, "it lists no images");
  findMaskless(annotations, maskless, path, collector);
  findTwins(annotations, collector);
  findListedTwice([...images.values()], path, collector);
  if (categories !== undefined) findUnused(categories.classes, annotations, path, collector);
  const present = await checkFiles([...images.values()], source, collector);
  const paths = present.map((info) => ({ info, path: join(source.images, info.file) }));
  const fingerprints =
    options.pixels === false
      ? []
      : await decodeAll(
          paths,
          (image, of) => void attempt(() => checkSize(of.path, image, of.info, "its annotation")),
          { collector, name: source.name, ...options },
        );
  const set = { name: source.name, images: file.images.length, annotations: file.annotations.length };
  return { set, classes: categories?.classes, fingerprints };
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** Objects without a mask among objects with one: they do not train the mask head, and mask metrics ignore them. */
function findMaskless(
  annotations: readonly CocoAnnotation[],
  hasNoMask: ReadonlySet<CocoAnnotation>,
  file: string,
  collector: Collector,
): void {
  const singles = annotations.filter(({ crowd, label }) => !crowd && label >= 0);
  const without = singles.filter((annotation) => hasNoMask.has(annotation));
  if (without.length === 0 || without.length === singles.length) return;
  const names = without.slice(0, 10).map(({ id }) => (Number.isNaN(id) ? "?" : id));
  const some = `${names.join(", ")}${without.length > 10 ? ", …" : ""}`;
  const message = `${without.length} of ${counted(singles.length, "object")} ${pick(without.length, "has", "have")} no mask (annotations ${some}): they do not count in training or evaluating masks`;
  collector.add("warning", "mask", { file }, message);
}

/** Objects annotated twice: in one image, with the same class and box. */
function findTwins(annotations: readonly CocoAnnotation[], collector: Collector): void {
  const first = new Map<string, CocoAnnotation>();
  for (const annotation of annotations) {
    const { image, label, corners, crowd } = annotation;
    const key = `${image.id} ${label} ${crowd} ${corners.join(" ")}`;
    const twin = first.get(key);
    if (twin === undefined) first.set(key, annotation);
    else {
      const message = `same class and box as annotation ${twin.id} of the same image`;
      collector.add("warning", "duplicate", annotation.place, message);
    }
  }
}

function findListedTwice(images: readonly ImageInfo[], file: string, collector: Collector): void {
  const first = new Map<string, number>();
  for (const image of images) {
    const other = first.get(image.file);
    if (other === undefined) first.set(image.file, image.id);
    else {
      const place = { file, entry: `image ${image.id}` };
      collector.add("warning", "duplicate", place, `${image.file} is also image ${other}`);
    }
  }
}

function findUnused(
  classes: readonly string[],
  annotations: readonly CocoAnnotation[],
  file: string,
  collector: Collector,
): void {
  if (annotations.length === 0) {
    collector.add("warning", "unused", { file }, "there are no objects");
    return;
  }
  const used = new Set(annotations.map(({ label }) => label));
  const unused = classes.filter((_, label) => !used.has(label));
  if (unused.length === 0) return;
  const names = `${unused.slice(0, 10).join("; ")}${unused.length > 10 ? "; …" : ""}`;
  collector.add(
    "warning",
    "unused",
    { file },
    `${unused.length} of ${counted(classes.length, "class", "classes")} ${pick(unused.length, "has", "have")} no object: ${names}`,
  );
}

/** @returns the images whose files exist */
async function checkFiles(
  images: readonly ImageInfo[],
  source: CocoSource,
  collector: Collector,
): Promise<readonly ImageInfo[]> {
  const missing = await collector.attemptAsync(() => findMissing(source.images, images));
  if (missing === undefined) return [];
  for (const { id, file, hint } of missing) {
    const place = { file: join(source.images, file), entry: `image ${id}` };
    collector.add("error", "image", place, `the file is missing; ${hint}`);
  }
  const listed = new Set(images.map(({ file }) => file));
  const strangers = ((await collector.attemptAsync(() => listImages(source.images))) ?? []).filter(
    (name) => !listed.has(name),
  );
  if (strangers.length > 0 && images.some(({ file }) => !file.includes("/"))) {
    const message = `${counted(strangers.length, "image of this folder is", "images of this folder are")} not in ${source.annotations}, such as ${strangers[0]}`;
    collector.add("warning", "unused", { file: source.images }, message);
  }
  const absent = new Set(missing.map(({ id }) => id));
  return images.filter(({ id }) => !absent.has(id));
}
