import type { Size } from "../pixels/image.js";

/**
 * The size of a GIF with a complete first frame within it.
 *
 * @throws Error when it is not: the decoder would allocate a larger frame, follow invalid codes for ever, or print a
 *   warning about too many or too few pixels
 */
export function sizeOfGif(view: DataView): Size {
  let at = 13 + colourTableBytes(view.getUint8(10));
  const canvas = { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  for (;;) {
    const kind = view.getUint8(at);
    if (kind === 0x2c) {
      const frame = { width: view.getUint16(at + 5, true), height: view.getUint16(at + 7, true) };
      if (frame.width > canvas.width || frame.height > canvas.height) {
        throw new Error(
          `a frame of ${frame.width} × ${frame.height} in an image of ${canvas.width} × ${canvas.height}`,
        );
      }
      checkGifCodes(view, at + 10 + colourTableBytes(view.getUint8(at + 9)), frame.width * frame.height);
      return canvas;
    }
    if (kind !== 0x21) throw new Error("there is no frame");
    at += 2;
    for (let length = view.getUint8(at); length > 0; length = view.getUint8(at)) at += length + 1;
    at++;
  }
}

const colourTableBytes = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 * (2 << (flags & 7)));

/**
 * Checks a frame's LZW codes without writing a pixel.
 *
 * @param at where the frame's data begin, with the bits of a pixel
 */
function checkGifCodes(view: DataView, at: number, pixels: number): void {
  const pixelBits = view.getUint8(at);
  if (pixelBits < 1 || pixelBits > 8) throw new Error(`pixels of ${pixelBits} bits`);
  const data = gifBlocks(view, at + 1);
  const clear = 1 << pixelBits;
  const lengths = new Int32Array(1 << 12).fill(1, 0, clear); // in pixels, of the string of each code
  let [next, codeBits, last, written, held, bits] = [clear + 2, pixelBits + 1, -1, 0, 0, 0];
  for (let i = 0; ; ) {
    for (; bits < codeBits && i < data.length; bits += 8) held |= data[i++]! << bits;
    const code = held & ((1 << codeBits) - 1);
    if (bits < codeBits || code === clear + 1) break;
    held >>>= codeBits;
    bits -= codeBits;
    if (code === clear) {
      [next, codeBits, last] = [clear + 2, pixelBits + 1, -1];
      continue;
    }
    if (code > next || (code === next && last < 0)) throw new Error(`code ${code} where ${next} are known`);
    const made = last < 0 ? 0 : lengths[last]! + 1;
    written += code === next ? made : lengths[code]!;
    if (written > pixels) throw new Error(`more than the ${pixels} pixels of its frame`);
    if (last >= 0 && next < lengths.length) {
      lengths[next++] = made;
      if (next >= 1 << codeBits && codeBits < 12) codeBits++;
    }
    last = code;
  }
  if (written < pixels) throw new Error(`${written} of the ${pixels} pixels of its frame`);
}

/** Blocks of up to 255 bytes, each preceded by its length, up to an empty one. */
function gifBlocks(view: DataView, at: number): Uint8Array {
  const bytes = new Uint8Array(view.byteLength - at);
  let count = 0;
  for (let length = view.getUint8(at); length > 0; length = view.getUint8(at)) {
    for (let i = 1; i <= length; i++) bytes[count++] = view.getUint8(at + i);
    at += length + 1;
  }
  return bytes.subarray(0, count);
}

/** @throws Error when the colour table, which the decoder would allocate, is larger than the file */
export function sizeOfBmp(view: DataView): Size {
  const colours = view.getUint32(46, true);
  if (4 * colours > view.byteLength) throw new Error(`${colours} colours in a file of ${view.byteLength} bytes`);
  return { width: view.getUint32(18, true), height: Math.abs(view.getInt32(22, true)) };
}
