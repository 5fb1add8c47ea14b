import { z } from "zod";

/** Which text fields are file paths, and what they are relative to. */
export const pathFields = z.registry<{
  /** "file": the folder of the config file with the value; "workingFolder": where the command runs. */
  readonly relativeTo: "file" | "workingFolder";
  /** An address will do in place of a path, and so will these words. */
  readonly besides?: readonly string[];
}>();

/**
 * A path to a file or folder. A relative one is relative to the config file it is in; `${NAME}` is replaced by the
 * environment variable, and a path that starts with one is relative to the working folder.
 */
export function filePath(description: string) {
  return z.string().min(1).describe(description).register(pathFields, { relativeTo: "file" });
}

/** A path of weights, or their address (`isAddress`). @param words that stand for some of their own */
export function weightsPath(description: string, words: readonly string[] = []) {
  return z.string().min(1).describe(description).register(pathFields, { relativeTo: "file", besides: words });
}

export function outputPath(description: string) {
  return z.string().min(1).describe(description).register(pathFields, { relativeTo: "workingFolder" });
}

export function fraction(description: string) {
  return z.number().min(0).max(1).describe(description);
}

export function positive(description: string) {
  return z.number().positive().describe(description);
}

/** @param most larger numbers are mistakes and would only use up memory or threads */
export function count(description: string, least = 1, most = Number.MAX_SAFE_INTEGER) {
  const number = z.int().min(least);
  return (most < Number.MAX_SAFE_INTEGER ? number.max(most) : number).describe(description);
}

/** The side of an image in a config, in pixels. */
export function side(description: string) {
  return count(description, 1, 16_384);
}

export function flag(description: string) {
  return z.boolean().describe(description);
}
