import { type ByteSource, bytesSource } from "../../lib/tensorfiles/bytes.js";
import { DTYPES, elementCount } from "../../lib/tensors/tensor.js";
import type { TensorFile } from "../../lib/tensors/tensorFile.js";

/**
 * Reads every tensor of a file in memory, and checks it against the file's header.
 *
 * @throws UserError where the file is refused; Error where a tensor does not match the header
 */
export async function readTensors(
  bytes: Uint8Array,
  open: (source: ByteSource) => Promise<TensorFile>,
): Promise<TensorFile> {
  const file = await open(bytesSource(bytes, "fuzzed"));
  for (const stored of file.tensors) {
    const { dtype, shape, data } = await file.read(stored);
    const right = data.length === elementCount(shape) && data.byteLength === stored.bytes;
    if (!right || !(data instanceof DTYPES[dtype].array)) throw new Error(`${stored.name} is not what the file says`);
  }
  return file;
}
