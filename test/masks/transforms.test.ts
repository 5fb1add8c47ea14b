import { expect } from "chai";
import fc from "fast-check";
import { decodeRle, encodeRle } from "../../lib/masks/rle.js";
import {
  complementRle,
  cropRle,
  flipRle,
  flipRleVertically,
  rectangleRle,
  resizeRle,
  subtractRle,
} from "../../lib/masks/transforms.js";
import { type Bitmap, bitmap } from "./arbitraries.js";

/** The bitmap whose pixel (x, y) is `pick(x, y)`. */
function draw(height: number, width: number, pick: (x: number, y: number) => number): Uint8Array {
  return Uint8Array.from({ length: height * width }, (_, i) => pick(i % width, Math.floor(i / width)));
}

const at = ({ data, width, height }: Bitmap, x: number, y: number) =>
  x < 0 || y < 0 || x >= width || y >= height ? 0 : data[y * width + x]!;
const encode = ({ data, height, width }: Bitmap) => encodeRle(data, height, width);
const offset = fc.integer({ min: -6, max: 14 });
const length = fc.integer({ min: 1, max: 20 });

describe("masks transformed with their image", () => {
  it("flip like the bitmap", () => {
    fc.assert(
      fc.property(bitmap, (map) => {
        const flipped = draw(map.height, map.width, (x, y) => at(map, map.width - 1 - x, y));
        expect(flipRle(encode(map))).to.deep.equal(encodeRle(flipped, map.height, map.width));
      }),
    );
  });

  it("flip top to bottom like the bitmap", () => {
    fc.assert(
      fc.property(bitmap, (map) => {
        const flipped = draw(map.height, map.width, (x, y) => at(map, x, map.height - 1 - y));
        expect(flipRleVertically(encode(map))).to.deep.equal(encodeRle(flipped, map.height, map.width));
      }),
    );
  });

  it("lose the pixels of a rectangle, and are inverted", () => {
    fc.assert(
      fc.property(bitmap, offset, offset, length, length, (map, x0, y0, width, height) => {
        const inside = (x: number, y: number) => Number(x >= x0 && y >= y0 && x < x0 + width && y < y0 + height);
        const rectangle = rectangleRle(map.height, map.width, { x: x0, y: y0, width, height });
        expect(rectangle).to.deep.equal(encodeRle(draw(map.height, map.width, inside), map.height, map.width));
        const left = draw(map.height, map.width, (x, y) => at(map, x, y) * (1 - inside(x, y)));
        expect(decodeRle(subtractRle(encode(map), rectangle))).to.deep.equal(left);
        const other = draw(map.height, map.width, (x, y) => 1 - at(map, x, y));
        expect(complementRle(encode(map))).to.deep.equal(encodeRle(other, map.height, map.width));
      }),
    );
  });

  it("crop and pad like the bitmap", () => {
    fc.assert(
      fc.property(bitmap, offset, offset, length, length, (map, x0, y0, width, height) => {
        const window = draw(height, width, (x, y) => at(map, x + x0, y + y0));
        expect(cropRle(encode(map), { x: x0, y: y0, width, height })).to.deep.equal(encodeRle(window, height, width));
      }),
    );
  });

  it("resize to the pixel under each output pixel's centre", () => {
    fc.assert(
      fc.property(bitmap, length, length, (map, width, height) => {
        const resized = draw(height, width, (x, y) =>
          at(
            map,
            Math.floor(((2 * x + 1) * map.width) / (2 * width)),
            Math.floor(((2 * y + 1) * map.height) / (2 * height)),
          ),
        );
        expect(resizeRle(encode(map), height, width)).to.deep.equal(encodeRle(resized, height, width));
      }),
    );
  });
});
