import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "../errors.js";
import { readBytes } from "../files.js";
import { parseJson } from "../json.js";

/** What `predict` writes beside its results: the image of each id. */
const NAMES_OF_IDS: Readonly<Record<string, string>> = { "results.json": "images.json" };
/** The size for about a million images; a larger file is not read. */
const MOST_BYTES = 200e6;

interface Named {
  readonly id: number;
  readonly file_name: string;
}

/**
 * The file beside the results of `predict` names their images. Ids that merely number these, 1, 2, …, belong to other
 * images in most annotation files, so that every metric would be wrong.
 *
 * @param images of the annotation file
 * @throws UserError when an id is that of another image there
 */
export async function checkPredictedImages(
  files: { readonly annotations: string; readonly results: string },
  images: readonly unknown[],
): Promise<void> {
  const names = NAMES_OF_IDS[basename(files.results)];
  if (names === undefined) return;
  const path = join(dirname(files.results), names);
  const annotated = new Map(images.filter(isNamed).map(({ id, file_name }) => [id, file_name]));
  const other = (await predicted(path)).find(({ id, file_name }) => {
    const own = annotated.get(id);
    return own !== undefined && bareName(own) !== bareName(file_name);
  });
  if (other === undefined) return;
  throw new UserError(
    `${files.results}: image ${other.id} of these results is ${other.file_name}, as ${path} says, but in ${files.annotations} it is ` +
      `${annotated.get(other.id)}; predict with --annotations ${files.annotations}, which takes the ids from there (where the two ` +
      `are the same image all the same, take ${names} away)`,
  );
}

/** Empty where the file is missing or not a list of images: it may be unrelated. */
async function predicted(path: string): Promise<readonly Named[]> {
  if (!existsSync(path) || statSync(path).size > MOST_BYTES) return [];
  try {
    const content = parseJson((await readBytes(path)).toString("utf8"));
    const images: unknown =
      typeof content === "object" && content !== null ? Reflect.get(content, "images") : undefined;
    return Array.isArray(images) ? images.filter(isNamed) : [];
  } catch (error) {
    if (error instanceof UserError || error instanceof SyntaxError) return [];
    throw error;
  }
}

function isNamed(entry: unknown): entry is Named {
  if (typeof entry !== "object" || entry === null) return false;
  return typeof Reflect.get(entry, "id") === "number" && typeof Reflect.get(entry, "file_name") === "string";
}

/** Folders and extensions may differ: the images may have been copied, or saved in another format. */
function bareName(path: string): string {
  const name = path.slice(1 + Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")));
  return name
    .replace(/\.\w+$/, "")
    .normalize("NFC")
    .toLowerCase();
}
