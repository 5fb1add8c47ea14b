import { stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { glob } from "tinyglobby";
import { isImage, listFolders, listImages, listImagesBelow } from "../datasets/folders.js";
import { UserError } from "../errors.js";
import { absence } from "../files.js";

/**
 * The images that files, folders and glob patterns name, each once, in the given order; those of a folder or a pattern
 * sorted by name.
 *
 * @param options.recursive take those of folders in folders too; where it is given, a message may speak of it
 * @throws UserError naming an input that matches no image
 */
export async function findImages(
  inputs: readonly string[],
  { recursive }: { readonly recursive?: boolean } = {},
): Promise<string[]> {
  const found = new Map<string, string>(); // by absolute path
  for (const input of inputs) {
    const paths = await imagesOf(input, recursive === true);
    if (paths.length === 0) {
      const how = recursive === undefined ? `"${join(input, "**/*")}"` : "--recursive (recursive in the API)";
      const hint =
        recursive !== true && (await hasFolders(input)) ? `; for those of the folders in it give ${how}` : "";
      throw new UserError(`${input}: there are no images here${hint}`);
    }
    for (const path of paths) if (!found.has(resolve(path))) found.set(resolve(path), path);
  }
  return [...found.values()];
}

const hasFolders = async (path: string): Promise<boolean> => (await listFolders(path).catch(() => [])).length > 0;

async function imagesOf(input: string, recursive: boolean): Promise<string[]> {
  const entry = await stat(input).catch(() => undefined);
  if (entry?.isDirectory()) {
    const names = await (recursive ? listImagesBelow : listImages)(input);
    return names.map((name) => join(input, name));
  }
  if (entry !== undefined) return [input];
  const matches = await glob(input, { expandDirectories: false, absolute: isAbsolute(input) });
  if (matches.length === 0) throw new UserError(`${input}: ${absence(input)}, and not a pattern that matches any`);
  return matches.filter(isImage).sort();
}
