import { readBytes, writeFileAtomic } from "../files.js";
import { encodeNpy, parseNpy } from "../tensors/npy.js";
import type { Tensor } from "../tensors/tensor.js";

/** @throws UserError when the file is missing, not a .npy file, truncated, or of an unreadable kind */
export async function readNpy(path: string): Promise<Tensor> {
  const bytes = await readBytes(path);
  return parseNpy(bytes, path);
}

export async function writeNpy(path: string, tensor: Tensor): Promise<void> {
  await writeFileAtomic(path, encodeNpy(tensor));
}
