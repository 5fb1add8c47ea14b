import { expect } from "chai";
import fc from "fast-check";
import { labelMapOf } from "../../lib/models/semanticFpn/labelMap.js";
import { uniform } from "../../tools/prng.js";

interface Plane {
  readonly height: number;
  readonly width: number;
  readonly at: (y: number, x: number) => number;
}

/** Bilinear resizing by its definition: half-pixel centres, clamped borders. */
function resize({ height, width, at }: Plane, toHeight: number, toWidth: number): Plane {
  const data = new Float64Array(toHeight * toWidth);
  const place = (i: number, source: number, output: number) =>
    Math.min(Math.max(((i + 0.5) * source) / output - 0.5, 0), source - 1);
  for (let y = 0; y < toHeight; y++) {
    for (let x = 0; x < toWidth; x++) {
      const sy = place(y, height, toHeight);
      const sx = place(x, width, toWidth);
      const [y0, x0] = [Math.floor(sy), Math.floor(sx)];
      const [y1, x1] = [Math.min(y0 + 1, height - 1), Math.min(x0 + 1, width - 1)];
      const [fy, fx] = [sy - y0, sx - x0];
      data[y * toWidth + x] =
        (1 - fy) * ((1 - fx) * at(y0, x0) + fx * at(y0, x1)) + fy * ((1 - fx) * at(y1, x0) + fx * at(y1, x1));
    }
  }
  return { height: toHeight, width: toWidth, at: (y, x) => data[y * toWidth + x]! };
}

const side = fc.integer({ min: 1, max: 9 });
const share = fc.double({ min: 0.05, max: 1, noNaN: true });
const outputSide = fc.integer({ min: 1, max: 60 });

describe("label map of logits", () => {
  it("is the argmax of logits resized to the input, cropped, and resized to the output", () => {
    fc.assert(
      fc.property(
        fc.record({
          height: side,
          width: side,
          classes: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(16, 33, 150)),
          key: fc.string(),
        }),
        fc.tuple(share, share),
        fc.tuple(outputSide, outputSide),
        ({ height, width, classes, key }, shares, [outHeight, outWidth]) => {
          const logits = uniform(key, height * width * classes, -2, 2);
          const input = { width: 4 * width, height: 4 * height };
          const valid = { width: Math.ceil(input.width * shares[0]), height: Math.ceil(input.height * shares[1]) };
          const output = { width: outWidth, height: outHeight };
          const map = labelMapOf({ logits, classes, height, width }, { input, valid, output });

          const planes = Array.from({ length: classes }, (_, k) => {
            const plane = { height, width, at: (y: number, x: number) => logits[(y * width + x) * classes + k]! };
            const enlarged = resize(plane, input.height, input.width);
            return resize({ ...enlarged, ...valid }, outHeight, outWidth);
          });
          expect(map).to.include(output);
          map.data.forEach((label, i) => {
            const values = planes.map(({ at }) => at(Math.floor(i / outWidth), i % outWidth));
            // Equal up to rounding: the chosen class has the largest logit.
            expect(values[label]).to.be.at.least(Math.max(...values) - 1e-5);
          });
        },
      ),
      { numRuns: 60 },
    );
  });
});
