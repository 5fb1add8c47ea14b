import type { Batch } from "../../lib/datasets/loader/batch.js";
import { UserError } from "../../lib/errors.js";

/** A collate hook: the number of boxes of each image, times a factor. */
export function countBoxes(batch: Batch, options: unknown): Float32Array {
  const factor = Number(options);
  return Float32Array.from(batch.kind === "detection" ? batch.instances : [], ({ labels }) => labels.length * factor);
}

export function refuse(batch: Batch): never {
  throw new UserError(`no targets for ${batch.meta[0]!.file}`, 2);
}

export function breakDown(): never {
  throw new TypeError("a bug");
}
