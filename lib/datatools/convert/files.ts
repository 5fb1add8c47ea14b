import { existsSync } from "node:fs";
import { join, parse } from "node:path";
import { isPicture, listNames, listPictures } from "../../datasets/folders.js";
import { UserError } from "../../errors.js";
import { nameFault } from "../../files.js";

/** The files of a folder with this ending, by name. @throws UserError where there is none */
export async function listFiles(folder: string, ending: string, what: string): Promise<string[]> {
  const names = (await listNames(folder)).filter(
    (name) => name.toLowerCase().endsWith(ending) && !name.startsWith("."),
  );
  if (names.length === 0) throw new UserError(`${folder}: there are no ${what} (*${ending}) in this folder`);
  return names.sort();
}

/** Finds pictures by the name an annotation gives, else by that of the annotation file. */
export interface PictureFinder {
  readonly folder: string;
  /** @throws UserError naming `source` where there is no such picture */
  find(name: string | undefined, source: string): string;
}

export async function pictureFinder(folder: string): Promise<PictureFinder> {
  const byStem = new Map((await listPictures(folder)).map((name) => [parse(name).name, name]));
  return {
    folder,
    find(name, source) {
      const given = name?.replaceAll("\\", "/");
      // LabelMe and VOC name pictures where they once were: such a name counts by its last part, in this folder.
      const isWithin = given !== undefined && nameFault(given) === undefined;
      if (isWithin && isPicture(given) && existsSync(join(folder, given))) return given;
      const same = byStem.get(parse(given ?? source).name) ?? byStem.get(parse(source).name);
      if (same !== undefined) return same;
      const wanted = given === undefined || given === "" ? `a picture named as it` : `"${given}"`;
      throw new UserError(`${source}: its picture, ${wanted}, is not in ${folder}; give its folder by --pictures`);
    },
  };
}
