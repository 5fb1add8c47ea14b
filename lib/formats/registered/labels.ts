import { relative, sep } from "node:path";
import type { LabelledFile } from "../../datasets/labelList.js";
import type { LabelMapPair } from "../../datasets/labelMaps.js";
import { UserError } from "../../errors.js";
import { commonFolder } from "../files.js";
import { openRegistered, type RegisteredSet } from "./items.js";
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
  const read: { readonly path: string; readonly labelMap: string }[] = [];
  for (let index = 0; index < set.length; index++) {
    const one = await set.use(index, async ({ image, labelMap }) => ({
      path: await imageFile(image),
      labelMap: await labelMapFile(labelMap),
    }));
    read.push(one);
  }
  const { images, files } = filesOf(read);
  const pairs = read.map(({ labelMap }, i) => ({ file: files[i]!, labelMap }));
  return { images, labelMaps: from.input, classes: set.classes, pairs };
}

/** Reads a whole set of images with one class each. @throws UserError that names the data set and the item that is wrong */
export async function registeredImageLabels(from: RegisteredSet): Promise<ReadImageLabels> {
  const set = await openRegistered(from, "classification");
  const read: { readonly path: string; readonly label: string }[] = [];
  for (let index = 0; index < set.length; index++) {
    const one = await set.use(index, async ({ image, label }) => {
      if (set.classes.includes(label)) return { path: await imageFile(image), label };
      throw new UserError(`the class "${label}" is none of the set's: ${set.classes.slice(0, 10).join(", ")}`);
    });
    read.push(one);
  }
  const { images, files } = filesOf(read);
  const listed = read.map(({ label }, i) => ({ file: files[i]!, label }));
  return { images, labels: from.input, classes: set.classes, listed };
}

/** The folder that all images are in, and their names in it. */
function filesOf(read: readonly { readonly path: string }[]) {
  const images = commonFolder(read.map(({ path }) => path));
  return { images, files: read.map(({ path }) => relative(images, path).replaceAll(sep, "/")) };
}
