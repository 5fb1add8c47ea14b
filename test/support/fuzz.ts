import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../lib/errors.js";
import { bytesSource } from "../../lib/formats/bytes.js";
import { readNpz } from "../../lib/formats/npz.js";
import { readTorchFile } from "../../lib/formats/pytorch/open.js";
import { DTYPES, elementCount } from "../../lib/formats/tensor.js";
import type { TensorFile } from "../../lib/formats/tensorFile.js";

/** What one damaged file came to. */
export type Outcome = "read" | "refused";

/** Small real files of the goldens, and what the pickles of a PyTorch file are damaged most fruitfully at. */
export function seedFiles(goldens: string): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
  return readdirSync(goldens)
    .filter((name) => name.endsWith(".pth"))
    .map((name) => ({ name, bytes: readFileSync(join(goldens, name)) }));
}

/**
 * Opens a damaged file and reads every tensor. Nothing but a UserError may be thrown, and what is read must be what the
 * file says it is.
 *
 * @throws Error when something else happens
 */
export async function attempt(bytes: Uint8Array, format: "torch" | "npz"): Promise<Outcome> {
  const source = bytesSource(bytes, "fuzzed");
  let file: TensorFile;
  try {
    file = format === "npz" ? await readNpz(source) : await readTorchFile(source);
  } catch (error) {
    if (error instanceof UserError) return "refused";
    throw error;
  }
  for (const stored of file.tensors) {
    try {
      const { dtype, shape, data } = await file.read(stored);
      const right = data.length === elementCount(shape) && data.byteLength === stored.bytes;
      if (!right || !(data instanceof DTYPES[dtype].array)) throw new Error(`${stored.name} is not what the file says`);
    } catch (error) {
      if (error instanceof UserError) return "refused";
      throw error;
    }
  }
  return "read";
}
