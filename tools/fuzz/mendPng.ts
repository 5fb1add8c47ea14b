import { crc32 } from "node:zlib";
import type { Random } from "../../lib/random.js";
import { mutate } from "./mutate.js";

const SIGNATURE = 8;
/** Of a chunk: length and name before its content, the checksum after it. */
const AROUND = 12;

/** `mutate`, but half of the PNGs have right checksums again, so that more than these is tried. */
export function mutateImage(bytes: Uint8Array, random: Random): Uint8Array {
  const damaged = Buffer.from(mutate(bytes, random));
  if (random.integer(2) === 0 || damaged[1] !== 0x50) return damaged;
  for (let at = SIGNATURE; at + AROUND <= damaged.length; ) {
    const end = at + 8 + damaged.readUInt32BE(at);
    if (end + 4 > damaged.length) break;
    damaged.writeUInt32BE(crc32(damaged.subarray(at + 4, end)), end);
    at = end + 4;
  }
  return damaged;
}
