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

/** The number of channels by the header of a JPEG's frame; undefined where there is none to be found. */
export function channelsOfJpeg(bytes: Uint8Array): number | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  for (let i = 2; i + 9 < bytes.length && bytes[i] === 0xff; ) {
    const marker = bytes[i + 1]!;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return bytes[i + 9];
    i += 2 + bytes[i + 2]! * 256 + bytes[i + 3]!;
  }
  return undefined;
}
