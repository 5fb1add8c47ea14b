import { UserError } from "../errors.js";
import { readTextFile } from "../files.js";

/** The three lists of a COCO file; their members are still unchecked. */
export interface CocoFile {
  readonly images: readonly unknown[];
  readonly annotations: readonly unknown[];
  readonly categories: readonly unknown[];
  /** What else stands beside them, such as info and licenses. */
  readonly others: Readonly<Record<string, unknown>>;
}

/** @throws UserError when the file cannot be read, is no JSON or lacks one of the lists */
export async function readCocoFile(path: string): Promise<CocoFile> {
  const parsed = parse(await readTextFile(path), path);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new UserError(`${path}: a COCO file is an object with images, annotations and categories`);
  }
  const listOf = (name: string): readonly unknown[] => {
    const list: unknown = Object.entries(parsed).find(([key]) => key === name)?.[1];
    if (!Array.isArray(list))
      throw new UserError(`${path}: the list "${name}" is missing; is this a COCO instance file?`);
    return list;
  };
  const [images, annotations, categories] = [listOf("images"), listOf("annotations"), listOf("categories")];
  const others = Object.entries(parsed).filter(([key]) => !["images", "annotations", "categories"].includes(key));
  return { images, annotations, categories, others: Object.fromEntries(others) };
}

/**
 * Python writes NaN and Infinity, which are no JSON. They are read as infinite, so that the check of the annotations
 * can name the one that holds them.
 */
function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const mended = text.replace(/(?<=[[,:]\s*)(?:NaN|-?Infinity)(?=\s*[\],}])/g, "1e999");
    if (mended !== text) {
      try {
        return JSON.parse(mended);
      } catch {}
    }
    throw new UserError(`${path}: no valid JSON: ${error instanceof Error ? error.message : error}`);
  }
}
