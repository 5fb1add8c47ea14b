import { normalize, resolve, sep } from "node:path";
import { readCocoFile } from "../../datasets/cocoFile.js";
import { readCategories, readImages } from "../../datasets/cocoRecords.js";
import { strictly } from "../../datasets/fault.js";
import type { ImageInfo } from "../../datasets/types.js";
import { UserError } from "../../errors.js";
import { counted } from "../../words.js";

/** The ids that an annotation file gives images and classes. */
export interface AnnotatedIds {
  readonly file: string;
  /** All of the file's. */
  readonly images: readonly ImageInfo[];
  /** One for each class of the model. */
  readonly categoryIds: readonly number[];
  /** The annotation file's image for an input; undefined if there is none. */
  imageOf(input: string): ImageInfo | undefined;
}

/**
 * An input is the image whose `file_name` its path ends with; among several, the one with the longest name.
 *
 * @param classes of the model; the file must have categories of these names
 * @param inputs paths of the images to be predicted
 * @throws UserError when the file cannot be read, lacks a class, has none of the inputs, or an input may be either of
 *   two images
 */
export async function annotatedIds(
  file: string,
  classes: readonly string[],
  inputs: readonly string[],
): Promise<AnnotatedIds> {
  const { images: entries, categories } = await readCocoFile(file);
  const { categoryIds } = readCategories(categories, file, classes, strictly);
  const images = [...readImages(entries, file, strictly).values()];
  const byName = new Map<string, ImageInfo[]>();
  for (const image of images) {
    const name = normalize(image.file);
    byName.set(name, [...(byName.get(name) ?? []), image]);
  }
  const byInput = new Map<string, ImageInfo>();
  const inputOf = new Map<number, string>();
  for (const input of inputs) {
    const [image, twin] = longestEnd(input, byName) ?? [];
    if (image === undefined) continue;
    if (twin !== undefined) {
      throw new UserError(
        `${file}: image ${image.id} and image ${twin.id} are both named ${image.file}, so it is ambiguous which of them ` +
          `${input} is; rename one`,
      );
    }
    const other = inputOf.get(image.id);
    if (other !== undefined) {
      throw new UserError(
        `${file}: image ${image.id}, ${image.file}, could be ${other} or ${input}; give predict one of them`,
      );
    }
    inputOf.set(image.id, input);
    byInput.set(input, image);
  }
  if (byInput.size === 0) {
    const first = images[0] === undefined ? "it lists none" : `its first is ${images[0].file}`;
    throw new UserError(
      `${file}: none of the ${counted(inputs.length, "image")} to predict is in it (${first}); ` +
        "an image's path must end in its file_name",
    );
  }
  return { file, images, categoryIds, imageOf: (input) => byInput.get(input) };
}

function longestEnd(
  input: string,
  byName: ReadonlyMap<string, readonly ImageInfo[]>,
): readonly ImageInfo[] | undefined {
  const parts = resolve(input).split(sep);
  for (let from = 0; from < parts.length; from++) {
    const found = byName.get(parts.slice(from).join(sep));
    if (found !== undefined) return found;
  }
  return undefined;
}
