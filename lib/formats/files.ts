import { existsSync } from "node:fs";
import { dirname, join, parse, relative, sep } from "node:path";
import { isImage, listImages, listNames } from "../datasets/folders.js";
import { UserError } from "../errors.js";
import { nameFault } from "../files.js";
import { type NamedOptions, optionName } from "./options.js";

/** The files of a folder with this extension, by name. @throws UserError when there are none */
export async function listFiles(folder: string, ending: string, what: string): Promise<string[]> {
  const names = (await listNames(folder)).filter(
    (name) => name.toLowerCase().endsWith(ending) && !name.startsWith("."),
  );
  if (names.length === 0) throw new UserError(`${folder}: there are no ${what} (*${ending}) in this folder`);
  return names.sort();
}

/** Finds images by the name in an annotation, or else by that of the annotation file. */
export interface ImageFinder {
  readonly folder: string;
  /** @throws UserError naming `source` when there is no such image */
  find(name: string | undefined, source: string): string;
}

/** @param options of the reader, for messages */
export async function imageFinder(folder: string, options: NamedOptions): Promise<ImageFinder> {
  const byStem = new Map((await listImages(folder)).map((name) => [parse(name).name, name]));
  return {
    folder,
    find(name, source) {
      const given = name?.replaceAll("\\", "/");
      // LabelMe and VOC give the paths where images once were: only the last part of such a path counts, in this
      // folder.
      const isWithin = given !== undefined && nameFault(given) === undefined;
      if (isWithin && isImage(given) && existsSync(join(folder, given))) return given;
      const same = byStem.get(parse(given ?? source).name) ?? byStem.get(parse(source).name);
      if (same !== undefined) return same;
      const wanted = given === undefined || given === "" ? `an image named as it` : `"${given}"`;
      throw new UserError(
        `${source}: its image, ${wanted}, is not in ${folder}; name its folder with ${optionName(options, "images")}`,
      );
    },
  };
}

/** The deepest folder that all files are in. */
function commonFolder(paths: readonly string[]): string {
  let folder = dirname(paths[0]!);
  while (!paths.every((path) => path.startsWith(folder + sep)) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/** The folder that all files are in, and their names in it, with / on every system. */
export function inCommonFolder(paths: readonly string[]): {
  readonly folder: string;
  readonly files: readonly string[];
} {
  const folder = commonFolder(paths);
  return { folder, files: paths.map((path) => relative(folder, path).replaceAll(sep, "/")) };
}
