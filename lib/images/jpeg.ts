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
