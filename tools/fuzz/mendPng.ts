import { crc32 } from "node:zlib";
import type { Random } from "../../lib/random.js";
import { mutate } from "./mutate.js";

const SIGNATURE = 8;
/** Bytes of a chunk around its content: length and name before, checksum after. */
const AROUND = 12;

/** `mutate`, but half of the PNGs get valid checksums again, so that more than the check of these is tested. */
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
