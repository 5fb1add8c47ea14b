import { normalize, resolve, sep } from "node:path";
import { readCocoFile } from "../../datasets/cocoFile.js";
import { readCategories, readPictures } from "../../datasets/cocoRecords.js";
import { strictly } from "../../datasets/fault.js";
import type { PictureInfo } from "../../datasets/types.js";
import { UserError } from "../../errors.js";
import { counted } from "../../words.js";

/** The ids that an annotation file gives pictures and classes. */
export interface AnnotatedIds {
  readonly file: string;
  /** All of the file's. */
  readonly pictures: readonly PictureInfo[];
  /** Of each class of the model. */
  readonly categoryIds: readonly number[];
  /** The picture of the file that an input is; undefined where it is none. */
  pictureOf(input: string): PictureInfo | undefined;
}

/**
 * A picture is the one whose `file_name` its path ends in; of several, the longest name.
 *
 * @param classes of the model; the file must have categories of these names
 * @param inputs paths of the pictures to be predicted
 * @throws UserError when the file cannot be read, lacks a class, knows none of the inputs, or a picture cannot be told from
 *   another
 */
export async function annotatedIds(
  file: string,
  classes: readonly string[],
  inputs: readonly string[],
): Promise<AnnotatedIds> {
  const { images: entries, categories } = await readCocoFile(file);
  const { categoryIds } = readCategories(categories, file, classes, strictly);
  const pictures = [...readPictures(entries, file, strictly).values()];
  const byName = new Map<string, PictureInfo[]>();
  for (const picture of pictures) {
    const name = normalize(picture.file);
    byName.set(name, [...(byName.get(name) ?? []), picture]);
  }
  const byInput = new Map<string, PictureInfo>();
  const inputOf = new Map<number, string>();
  for (const input of inputs) {
    const [picture, twin] = longestEnd(input, byName) ?? [];
    if (picture === undefined) continue;
    if (twin !== undefined) {
      throw new UserError(
        `${file}: image ${picture.id} and image ${twin.id} are both named ${picture.file}, so it cannot be told which of them ` +
          `${input} is; rename one`,
      );
    }
    const other = inputOf.get(picture.id);
    if (other !== undefined) {
      throw new UserError(
        `${file}: image ${picture.id}, ${picture.file}, could be ${other} or ${input}; give predict one of them`,
      );
    }
    inputOf.set(picture.id, input);
    byInput.set(input, picture);
  }
  if (byInput.size === 0) {
    const first = pictures[0] === undefined ? "it lists none" : `its first is ${pictures[0].file}`;
    throw new UserError(
      `${file}: none of the ${counted(inputs.length, "picture")} to predict is in it (${first}); ` +
        "a picture's path must end in its file_name",
    );
  }
  return { file, pictures, categoryIds, pictureOf: (input) => byInput.get(input) };
}

function longestEnd(
  input: string,
  byName: ReadonlyMap<string, readonly PictureInfo[]>,
): readonly PictureInfo[] | undefined {
  const parts = resolve(input).split(sep);
  for (let from = 0; from < parts.length; from++) {
    const found = byName.get(parts.slice(from).join(sep));
    if (found !== undefined) return found;
  }
  return undefined;
}
