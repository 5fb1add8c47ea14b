import type { LabelledFile } from "../../datasets/labelList.js";
import type { LabelMapPair } from "../../datasets/labelMaps.js";
import { inCommonFolder } from "../files.js";
import { checkClass, openRegistered, type RegisteredSet } from "./items.js";
import { imageFile, labelMapFile } from "./pixels.js";

/** What `openLabelMaps` opens. */
export interface ReadLabelMaps {
  readonly images: string;
  readonly labelMaps: string;
  readonly classes: readonly string[];
  readonly pairs: readonly LabelMapPair[];
}

/** What `openImageLabels` opens. */
export interface ReadImageLabels {
  readonly images: string;
  readonly labels: string;
  readonly classes: readonly string[];
  readonly listed: readonly LabelledFile[];
}

/** Reads a whole set of label maps. @throws UserError that names the data set and the item that is wrong */
export async function registeredLabelMaps(from: RegisteredSet): Promise<ReadLabelMaps> {
  const set = await openRegistered(from, "segmentation");
  const read = await set.each(async ({ image, labelMap }) => ({
    path: await imageFile(image),
    labelMap: await labelMapFile(labelMap),
  }));
  const { folder: images, files } = inCommonFolder(read.map(({ path }) => path));
  const pairs = read.map(({ labelMap }, i) => ({ file: files[i]!, labelMap }));
  return { images, labelMaps: from.input, classes: set.classes, pairs };
}

/** Reads a whole set of images with one class each. @throws UserError that names the data set and the item that is wrong */
export async function registeredImageLabels(from: RegisteredSet): Promise<ReadImageLabels> {
  const set = await openRegistered(from, "classification");
  const read = await set.each(async ({ image, label }) => {
    checkClass(label, set.classes);
    return { path: await imageFile(image), label };
  });
  const { folder: images, files } = inCommonFolder(read.map(({ path }) => path));
  const listed = read.map(({ label }, i) => ({ file: files[i]!, label }));
  return { images, labels: from.input, classes: set.classes, listed };
}
