import type { Size } from "../pixels/image.js";

/** The larger of the canvas and the first frame, which is decoded whole though it may be larger. */
export function sizeOfGif(view: DataView): Size {
  let at = 13 + colourTableBytes(view.getUint8(10));
  const canvas = { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  for (;;) {
    const kind = view.getUint8(at);
    if (kind === 0x2c) {
      const frame = { width: view.getUint16(at + 5, true), height: view.getUint16(at + 7, true) };
      if (frame.width <= canvas.width && frame.height <= canvas.height) return canvas;
      throw new Error(`a frame of ${frame.width} × ${frame.height} in an image of ${canvas.width} × ${canvas.height}`);
    }
    if (kind !== 0x21) throw new Error("there is no frame");
    at += 2;
    for (let length = view.getUint8(at); length > 0; length = view.getUint8(at)) at += length + 1;
    at++;
  }
}

const colourTableBytes = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 * (2 << (flags & 7)));
