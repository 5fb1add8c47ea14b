import { join } from "node:path";
import { nearestName, UserError } from "../errors.js";
import { DataFault } from "./fault.js";
import { checkFilesExist, listFolders, listImagesBelow } from "./folders.js";
import { type LabelledFile, readLabelList } from "./labelList.js";
import { loadSample } from "./sample.js";
import type { ClassificationDataset, ImageFile, SampleSource } from "./types.js";

export interface ImageLabelsOptions {
  /**
   * The folder of images: one subfolder per class, as in ImageNet's train folder, or the folder that paths in `labels`
   * are relative to.
   */
  readonly images: string;
  /** A list of files and their labels (.csv, .txt, .json); without it, the folders' names are the labels. */
  readonly labels?: string;
  /** What that list holds, if it has been read; `classes` are given too. */
  readonly listed?: readonly LabelledFile[];
  /** Class names in the order of the class indices; default all there are, in order of their names. */
  readonly classes?: readonly string[];
}

/**
 * Opens images with one class each: class folders with images at any depth, or a list.
 *
 * @throws UserError when there are no images, one is missing, or a label is not one of the classes
 */
export async function openImageLabels(options: ImageLabelsOptions): Promise<ClassificationDataset> {
  const labelled = await listLabelled(options);
  if (options.labels !== undefined) await checkFilesExist(options.images, numbered(labelled), options.labels);
  if (labelled.length === 0) {
    const hint = options.labels === undefined ? "; expected a folder for each class" : "";
    throw new UserError(`${placeOf(options)}: there are no images here${hint}`);
  }
  const classes = options.classes ?? (await classesOf(options, labelled));
  const indexOf = classIndices(classes, options);
  const images = numbered(labelled).map((one) => ({ id: one.id, file: one.file, label: indexOf(one) }));
  const source = (index: number): SampleSource => {
    const image = images[index];
    if (image === undefined) throw new RangeError(`no image ${index} in a data set of ${images.length}`);
    const { id, file, label } = image;
    return { info: { id, file }, path: join(options.images, file), label };
  };
  return {
    kind: "classification",
    classes,
    length: images.length,
    images,
    labels: Int32Array.from(images, ({ label }) => label),
    source,
    load: (index) => loadSample(source(index)),
  };
}

/** The images and their classes as folders or list name them. @throws UserError when they cannot be read */
export async function listLabelled({
  images: root,
  labels,
  listed,
}: ImageLabelsOptions): Promise<readonly LabelledFile[]> {
  if (listed !== undefined) return listed;
  if (labels !== undefined) return readLabelList(labels, root);
  const labelled: LabelledFile[] = [];
  for (const label of await listFolders(root)) {
    for (const file of await listImagesBelow(join(root, label))) labelled.push({ file: join(label, file), label });
  }
  return labelled;
}

/**
 * The classes of a list, or one for each folder, in order of name. A class without images may be a mistake, and is
 * reported.
 */
export async function classesOf(
  { images, labels }: Pick<ImageLabelsOptions, "images" | "labels">,
  labelled: readonly LabelledFile[],
): Promise<string[]> {
  if (labels === undefined) return listFolders(images);
  return [...new Set(labelled.map(({ label }) => label))].sort();
}

export const numbered = (labelled: readonly LabelledFile[]): (ImageFile & LabelledFile)[] =>
  labelled.map((one, i) => ({ id: i + 1, ...one }));

/** The file or folder that gives the images' classes. */
export const placeOf = ({ images, labels }: Pick<ImageLabelsOptions, "images" | "labels">): string => labels ?? images;

const WHOLE_NUMBER = /^\d+$/;

/**
 * The index of an image's class, given by name. In a list it may also be that index, but not where classes have numbers
 * for names: a class that is missing there would be taken for another one.
 *
 * @returns a function that throws a DataFault when the class is not one of them
 */
export function classIndices(
  classes: readonly string[],
  source: Pick<ImageLabelsOptions, "images" | "labels">,
): (image: LabelledFile) => number {
  const indices = new Map(classes.map((name, k) => [name, k]));
  const mayBeIndex = source.labels !== undefined && !classes.some((name) => WHOLE_NUMBER.test(name));
  return ({ file, label }) => {
    const known = indices.get(label) ?? (mayBeIndex && WHOLE_NUMBER.test(label) ? Number(label) : Number.NaN);
    if (known < classes.length) return known;
    const near = nearestName(label, classes);
    const some = classes.slice(0, 5).join(", ") + (classes.length > 5 ? ", …" : "");
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    throw new DataFault(
      "label",
      { file: placeOf(source) },
      `the class "${label}" of ${file} is none of the ${classes.length} (${some})${hint}`,
    );
  };
}
