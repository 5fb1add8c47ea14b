import fc from "fast-check";

export interface Bitmap {
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array;
}

/** Row-major 0/1 bitmaps of a size, from empty over speckled to full. */
export function bitmapOf(height: number, width: number): fc.Arbitrary<Bitmap> {
  const pixels = fc.uint8Array({ minLength: height * width, maxLength: height * width });
  return fc.tuple(pixels, fc.constantFrom(0, 1, 128, 250, 256)).map(([values, level]) => ({
    height,
    width,
    data: values.map((v) => (v < level ? 1 : 0)),
  }));
}

const side = fc.integer({ min: 1, max: 12 });

export const bitmap: fc.Arbitrary<Bitmap> = fc.tuple(side, side).chain(([h, w]) => bitmapOf(h, w));

/** Several bitmaps of one size. */
export const bitmaps: fc.Arbitrary<Bitmap[]> = fc
  .tuple(side, side)
  .chain(([h, w]) => fc.array(bitmapOf(h, w), { minLength: 1, maxLength: 4 }));
