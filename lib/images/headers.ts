import type { Size } from "./picture.js";

/** The larger of the canvas and the first frame, which is decoded whole though it may be larger. */
export function sizeOfGif(view: DataView): Size {
  let at = 13 + colourTableBytes(view.getUint8(10));
  const canvas = { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  for (;;) {
    const kind = view.getUint8(at);
    if (kind === 0x2c) {
      const frame = { width: view.getUint16(at + 5, true), height: view.getUint16(at + 7, true) };
      if (frame.width <= canvas.width && frame.height <= canvas.height) return canvas;
      throw new Error(`a frame of ${frame.width} × ${frame.height} in a picture of ${canvas.width} × ${canvas.height}`);
    }
    if (kind !== 0x21) throw new Error("there is no frame");
    at += 2;
    for (let length = view.getUint8(at); length > 0; length = view.getUint8(at)) at += length + 1;
    at++;
  }
}

const colourTableBytes = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 * (2 << (flags & 7)));

const WIDTH = 256;
const HEIGHT = 257;
/** All pages are decoded, though the first alone is shown. */
const MOST_PAGES = 16;

/** The first page's size. @throws Error when pages follow each other in a circle, or are too many */
export function sizeOfTiff(view: DataView): Size {
  const little = view.getUint8(0) === 0x49;
  let size: Size | undefined;
  let pages = 0;
  for (let at = view.getUint32(4, little); at !== 0; pages++) {
    if (pages === MOST_PAGES) throw new Error(`more than ${MOST_PAGES} pages`);
    const entries = view.getUint16(at, little);
    const found = new Map<number, number>();
    for (let i = 0; i < entries; i++) {
      const entry = at + 2 + 12 * i;
      const short = view.getUint16(entry + 2, little) === 3;
      const value = short ? view.getUint16(entry + 8, little) : view.getUint32(entry + 8, little);
      found.set(view.getUint16(entry, little), value);
    }
    const page = { width: found.get(WIDTH) ?? 0, height: found.get(HEIGHT) ?? 0 };
    if (size === undefined || page.width * page.height > size.width * size.height) size = page;
    at = view.getUint32(at + 2 + 12 * entries, little);
  }
  return size ?? { width: 0, height: 0 };
}
