import { expect } from "chai";
import { addPatches, gatherPatches, rpnSamples } from "../../lib/models/maskRcnn/rpnSamples.js";
import { Random } from "../../lib/random.js";
import { makeAnchors } from "../../lib/regions/anchors.js";
import type { FeatureLevel } from "../../lib/regions/roiAlign.js";

const CHANNELS = 3;
const STRIDES = [4, 8];
const anchors = makeAnchors({ height: 20, width: 12, strides: STRIDES, scales: [8], ratios: [0.5, 1, 2] });
const random = Random.of("rpn samples");

/** Two images' maps [2, C, H, W]. */
function levels(): FeatureLevel[] {
  return anchors.levels.map(({ height, width }, i) => ({
    data: Float32Array.from({ length: 2 * CHANNELS * height * width }, () => random.uniform(-1, 1)),
    height,
    width,
    stride: STRIDES[i]!,
  }));
}

const every = Int32Array.from({ length: anchors.boxes.length / 4 }, (_, i) => i);
const targets = [0, 1].map(() => ({ indices: every, positives: 2, deltas: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8) }));
const places = 2 * every.length + 3;

describe("sampled anchors", () => {
  const { samples, cells } = rpnSamples(targets, { anchors, places });

  it("have a shape, a weight, and targets if positive; unused places are zero", () => {
    const n = every.length;
    for (const place of [0, 1, 2, n, n + 1, 2 * n, 2 * n + 2]) {
      const isSample = place < 2 * n;
      const isPositive = isSample && place % n < 2;
      const shape = [...samples.shapes.subarray(3 * place, 3 * place + 3)];
      expect(shape).to.deep.equal([0, 1, 2].map((k) => Number(isSample && (place % n) % 3 === k)));
      expect(samples.weights[place]).to.equal(isSample ? Math.fround(1 / (2 * n)) : 0);
      expect(samples.targets[place]).to.equal(Number(isPositive));
      expect(samples.deltaWeights[place]).to.equal(isPositive ? Math.fround(1 / (2 * n)) : 0);
      const deltas = isPositive ? [1, 2, 3, 4].map((d) => d + 4 * (place % n)) : [0, 0, 0, 0];
      expect([...samples.deltas.subarray(4 * place, 4 * place + 4)]).to.deep.equal(deltas);
    }
  });

  it("do not fit into fewer places", () => {
    expect(() => rpnSamples(targets, { anchors, places: 10 })).to.throw(RangeError, "10 places");
  });

  it("have the neighbourhood of their cell, zero beyond the edges", () => {
    const maps = levels();
    const patches = new Float32Array(places * CHANNELS * 9).fill(7);
    gatherPatches(maps, cells, CHANNELS, patches);
    let place = 0;
    for (const image of [0, 1]) {
      anchors.levels.forEach(({ height, width }, l) => {
        for (let cell = 0; cell < 3 * height * width; cell++, place++) {
          const [y, x] = [Math.floor(cell / 3 / width), Math.floor(cell / 3) % width];
          for (let k = 0; k < CHANNELS * 9; k++) {
            const channel = Math.floor(k / 9);
            const [row, column] = [y + Math.floor((k % 9) / 3) - 1, x + (k % 3) - 1];
            const isInside = row >= 0 && row < height && column >= 0 && column < width;
            const at = ((image * CHANNELS + channel) * height + row) * width + column;
            expect(patches[place * CHANNELS * 9 + k]).to.equal(isInside ? maps[l]!.data[at] : 0);
          }
        }
      });
    }
    expect(patches.subarray(place * CHANNELS * 9).every((value) => value === 0)).to.equal(true);
  });

  it("return their gradient to its source: ⟨g, gather(x)⟩ = ⟨add(g), x⟩", () => {
    const maps = levels();
    const patches = new Float32Array(places * CHANNELS * 9);
    gatherPatches(maps, cells, CHANNELS, patches);
    const gradient = patches.map(() => random.uniform(-1, 1));
    const sums = maps.map((level) => ({ ...level, data: new Float32Array(level.data.length) }));
    addPatches(gradient, sums, cells, CHANNELS);
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    const back = sums.reduce((sum, { data }, i) => sum + dot(data, maps[i]!.data), 0);
    expect(back).to.be.closeTo(dot(gradient, patches), 1e-3);
  });
});
