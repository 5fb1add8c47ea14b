import { expect } from "chai";
import fc from "fast-check";
import { UserError } from "../../lib/errors.js";
import { encodeRle } from "../../lib/masks/rle.js";
import { maskTargets } from "../../lib/masks/targets.js";
import { type Bitmap, bitmap } from "./arbitraries.js";

/** RoIAlign of a bitmap, sample by sample. @returns [size, size] */
function alignNaively(map: Bitmap, box: readonly number[], size: number): number[] {
  const [x0, y0, x1, y1] = box as [number, number, number, number];
  const nx = Math.ceil((x1 - x0) / size);
  const ny = Math.ceil((y1 - y0) / size);
  return Array.from({ length: size * size }, (_, cell) => {
    let sum = 0;
    for (let j = 0; j < ny; j++) {
      for (let i = 0; i < nx; i++) {
        const x = x0 - 0.5 + ((cell % size) + (i + 0.5) / nx) * ((x1 - x0) / size);
        const y = y0 - 0.5 + (Math.floor(cell / size) + (j + 0.5) / ny) * ((y1 - y0) / size);
        sum += sample(map, x, y);
      }
    }
    return sum / Math.max(1, nx * ny);
  });
}

function sample({ data, height, width }: Bitmap, x: number, y: number): number {
  if (x < -1 || x > width || y < -1 || y > height) return 0;
  const u = Math.min(width - 1, Math.max(0, x));
  const v = Math.min(height - 1, Math.max(0, y));
  const pixel = (i: number, j: number) => data[Math.min(height - 1, j) * width + Math.min(width - 1, i)]!;
  const i = Math.floor(u);
  const j = Math.floor(v);
  const top = (1 - u + i) * pixel(i, j) + (u - i) * pixel(i + 1, j);
  const bottom = (1 - u + i) * pixel(i, j + 1) + (u - i) * pixel(i + 1, j + 1);
  return (1 - v + j) * top + (v - j) * bottom;
}

const encode = ({ data, height, width }: Bitmap) => encodeRle(data, height, width);

describe("mask targets", () => {
  it("are the RoIAlign of the mask, thresholded at one half", () => {
    const coordinate = fc.double({ min: -6, max: 14, noNaN: true });
    const extent = fc.double({ min: 0, max: 24, noNaN: true });
    fc.assert(
      fc.property(bitmap, coordinate, coordinate, extent, extent, (map, x, y, w, h) => {
        const boxes = Float32Array.of(x, y, x + w, y + h);
        const targets = maskTargets({ masks: [encode(map)], boxes, matched: [0], size: 5 });
        alignNaively(map, [...boxes], 5).forEach((value, i) => {
          if (Math.abs(value - 0.5) > 1e-8) expect(targets[i]).to.equal(value > 0.5 ? 1 : 0);
        });
      }),
      { numRuns: 300 },
    );
  });

  it("count exactly one half as inside", () => {
    // Columns 0 and 1 of 4 are inside: the cell over columns 1 and 2 averages to one half.
    const map = { height: 4, width: 4, data: Uint8Array.from({ length: 16 }, (_, i) => (i % 4 < 2 ? 1 : 0)) };
    const boxes = Float32Array.of(1, 0, 3, 4);
    expect([...maskTargets({ masks: [encode(map)], boxes, matched: [0], size: 1 })]).to.deep.equal([1]);
    expect([...maskTargets({ masks: [encode(map)], boxes, matched: [0], size: 2 })]).to.deep.equal([1, 0, 1, 0]);
  });

  it("use each RoI's own mask, row by row", () => {
    const left = encodeRle(Uint8Array.of(1, 0, 1, 0), 2, 2);
    const top = encodeRle(Uint8Array.of(1, 1, 0, 0), 2, 2);
    const boxes = Float32Array.of(0, 0, 2, 2, 0, 0, 2, 2);
    const output = new Float32Array(8).fill(7);
    const targets = maskTargets({
      masks: [left, undefined, top],
      boxes,
      matched: Int32Array.of(2, 0),
      size: 2,
      output,
    });
    expect(targets).to.equal(output);
    expect([...targets]).to.deep.equal([1, 1, 0, 0, 1, 0, 1, 0]);
  });

  it("are refused if the matched object has no mask", () => {
    const boxes = Float32Array.of(0, 0, 2, 2);
    expect(() => maskTargets({ masks: [undefined], boxes, matched: [0] })).to.throw(UserError, /object 0 .* no mask/);
  });
});
