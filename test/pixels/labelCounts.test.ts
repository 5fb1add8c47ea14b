import { expect } from "chai";
import fc from "fast-check";
import { cropLabelMap } from "../../lib/pixels/geometry.js";
import { countLabels } from "../../lib/pixels/labelCounts.js";
import { resizeLabelMap, resizeLabelMapLater } from "../../lib/pixels/resize.js";
import { noiseLabels } from "./images.js";

const side = fc.integer({ min: 1, max: 30 });
const part = fc.double({ min: 0, max: 1, noNaN: true });

describe("counting labels", () => {
  it("of a window before resizing equals resizing, cropping and counting", () => {
    fc.assert(
      fc.property(
        side,
        side,
        side,
        side,
        fc.tuple(part, part, part, part),
        fc.nat(),
        (w, h, width, height, at, seed) => {
          const map = noiseLabels(w, h, seed);
          const left = Math.floor(at[0] * (width - 1));
          const top = Math.floor(at[1] * (height - 1));
          const window = {
            left,
            top,
            width: 1 + Math.floor(at[2] * (width - left - 1)),
            height: 1 + Math.floor(at[3] * (height - top - 1)),
          };
          const expected = new Float64Array(256);
          for (const label of cropLabelMap(resizeLabelMap(map, { width, height }), window).data) expected[label]!++;
          const counts = countLabels(resizeLabelMapLater(map, { width, height }), window);
          expect(Array.from(counts)).to.deep.equal(Array.from(expected));
        },
      ),
    );
  });
});
