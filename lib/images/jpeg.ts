import type { Size } from "../pixels/image.js";

/** Whether this is a JPEG in which no end marker follows the last start of a scan. */
export function isCutJpeg(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return false;
  for (let i = bytes.length - 2; i > 1; i--) {
    if (bytes[i] !== 0xff) continue;
    if (bytes[i + 1] === 0xd9) return false;
    if (bytes[i + 1] === 0xda) return true;
  }
  return true;
}

/** The number of channels according to a JPEG's frame header; undefined if there is no such header. */
export function channelsOfJpeg(bytes: Uint8Array): number | undefined {
  const at = frameOf(bytes);
  return at === undefined ? undefined : bytes[at + 9];
}

/** The size as stored in a JPEG's frame header; undefined if there is no such header. */
export function sizeOfJpeg(bytes: Uint8Array): Size | undefined {
  const at = frameOf(bytes);
  if (at === undefined) return undefined;
  return { width: bytes[at + 7]! * 256 + bytes[at + 8]!, height: bytes[at + 5]! * 256 + bytes[at + 6]! };
}

/** Where the header of the first frame begins. */
function frameOf(bytes: Uint8Array): number | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  for (let i = 2; i + 9 < bytes.length && bytes[i] === 0xff; ) {
    const marker = bytes[i + 1]!;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return i;
    i += marker === 0xff ? 1 : 2 + bytes[i + 2]! * 256 + bytes[i + 3]!; // any number of 0xff is padding
  }
  return undefined;
}
