import { type Config, TASKS } from "../config/schema.js";
import { UserError } from "../errors.js";
import type { Colour } from "../images/draw/palette.js";
import { parseJson } from "../json.js";

/**
 * What a model's outputs mean, stored in its weights file so that it can be used without the data it was trained on.
 */
export interface ModelDescription {
  readonly task: Config["task"];
  /** Class names in order of their index. */
  readonly classes: readonly string[];
  /** The category id of each class in COCO files. */
  readonly categoryIds?: readonly number[];
  /** Whether objects get masks. */
  readonly masks?: boolean;
  /** One colour per class. */
  readonly palette?: readonly Colour[];
}

const KEY = "densekit";

export const isTask = (name: unknown): name is Config["task"] => (TASKS as readonly unknown[]).includes(name);

/** The description as metadata of a safetensors file. */
export function toMetadata(description: ModelDescription): Readonly<Record<string, string>> {
  return { [KEY]: JSON.stringify(description) };
}

/** @throws UserError when the file's metadata is not a valid description */
export function fromMetadata(metadata: Readonly<Record<string, string>>, path: string): ModelDescription | undefined {
  const text = metadata[KEY];
  return text === undefined ? undefined : parseDescription(text, path);
}

/** @param text JSON @throws UserError when it is not a valid description */
export function parseDescription(text: string, path: string): ModelDescription {
  try {
    const description = parseJson(text) as ModelDescription;
    const { task, classes, categoryIds, masks, palette } = description;
    const isKnown = isNames(classes) && isTask(task);
    const fit = (list: unknown, isRight: (item: unknown) => boolean): boolean =>
      list === undefined || (Array.isArray(list) && list.length === classes.length && list.every(isRight));
    const isMeant = masks === undefined || typeof masks === "boolean";
    if (isKnown && isMeant && fit(categoryIds, Number.isSafeInteger) && fit(palette, isColour)) return description;
  } catch {}
  throw new UserError(`${path}: the file's metadata on its model cannot be understood`);
}

const isColour = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length === 3 &&
  value.every((part) => Number.isInteger(part) && part >= 0 && part < 256);

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === "string");
}

/** `count` class names, the known ones first. */
export const assumedClasses = (known: readonly string[] | undefined, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => known?.[i] ?? `class ${i}`);
