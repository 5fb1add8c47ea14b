import { openByteSource, readRange } from "./bytes.js";
import { LARGEST_HEADER } from "./safetensors.js";

/** Whether a file begins as one of tensors does, in which case it is no text. */
export async function looksLikeWeights(path: string): Promise<boolean> {
  const source = await openByteSource(path);
  try {
    const head = await readRange(source, 0, Math.min(9, source.size));
    if (head.toString("latin1", 0, 4) === "PK\u0003\u0004") return true;
    if (head.length < 9) return false;
    const isPickle = head[0] === 0x80 && head[1]! > 1 && head[1]! < 6;
    const headerLength = head.readBigUInt64LE(0);
    return isPickle || (headerLength > 1 && headerLength <= LARGEST_HEADER && head[8] === 0x7b);
  } finally {
    await source.close();
  }
}
