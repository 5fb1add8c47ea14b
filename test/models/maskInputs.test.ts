import { expect } from "chai";
import type { Instances } from "../../lib/datasets/types.js";
import { encodeRle } from "../../lib/masks/rle.js";
import { maskedPositives, maskInputs } from "../../lib/models/maskRcnn/targets.js";
import type { RoiTargets } from "../../lib/regions/roiTargets.js";

const SIDE = 32;

/** An image with objects, boxes 8 × 8 in a row; those listed have no mask. */
function imageOf(labels: readonly number[], maskless: readonly number[] = []): Instances {
  const boxes = labels.flatMap((_, i) => [8 * i, 4, 8 * i + 8, 12]);
  const masks = labels.map((_, i) => {
    const bitmap = Uint8Array.from({ length: SIDE * SIDE }, (_, p) => {
      const [x, y] = [p % SIDE, Math.floor(p / SIDE)];
      return x >= 8 * i && x < 8 * i + 5 + i && y >= 4 && y < 11 ? 1 : 0;
    });
    return maskless.includes(i) ? undefined : encodeRle(bitmap, SIDE, SIDE);
  });
  const n = labels.length;
  return {
    boxes: Float32Array.from(boxes),
    labels: Int32Array.from(labels),
    crowd: new Uint8Array(n),
    masks,
    areas: new Float32Array(n).fill(64),
    ids: Float64Array.from(labels, (_, i) => i + 1),
  };
}

/** RoIs of an image: those matched to the objects listed, then one of the background. */
function targetsOf({ labels }: Instances, matched: readonly number[]): RoiTargets {
  const rois = matched.flatMap((m, i) => [8 * m + 0.5 * i, 3, 8 * m + 8, 12.5]);
  return {
    rois: Float32Array.from([...rois, 20, 20, 30, 30]),
    positives: matched.length,
    labels: Int32Array.from([...matched.map((m) => labels[m]!), 3]),
    deltas: new Float32Array(4 * matched.length),
    matched: Int32Array.from(matched),
  };
}

describe("inputs of the mask program", () => {
  const layout = { places: 8, classes: 3, levels: 4, finestScale: 56 };

  it("leave out RoIs whose object has no mask", () => {
    const images = [imageOf([2, 0, 1], [1]), imageOf([1, 1], [0, 1]), imageOf([0, 2])];
    const matched = [
      [0, 1, 2, 1, 0],
      [1, 0],
      [1, 0, 0],
    ];
    const targets = images.map((image, i) => targetsOf(image, matched[i]!));
    expect(maskedPositives(targets, images)).to.equal(6);
    const found = maskInputs(targets, images, layout, 4);

    const place = (list: readonly number[], roi: number) => 8 * list[roi]! + 0.5 * roi;
    // The RoIs keep their indices in the image.
    const kept = [...[0, 2, 4].map((roi) => [0, roi] as const), ...[0, 1, 2].map((roi) => [2, roi] as const)];
    expect(Array.from(found.images.slice(0, 6))).to.deep.equal(kept.map(([image]) => image));
    kept.forEach(([image, roi], i) => {
      const m = matched[image]![roi]!;
      expect(Array.from(found.boxes.subarray(4 * i, 4 * i + 4))).to.deep.equal([
        place(matched[image]!, roi),
        3,
        8 * m + 8,
        12.5,
      ]);
      expect(found.rows[i]).to.equal(3 * i + images[image]!.labels[m]!);
      expect(found.weights[i]).to.be.closeTo(1 / (6 * 16), 1e-8);
    });
    expect(Array.from(found.weights.slice(6))).to.deep.equal([0, 0]);

    // The other targets are the same as if every object had a mask.
    const whole = [imageOf([2, 0, 1]), imageOf([1, 1]), imageOf([0, 2])];
    const all = maskInputs(targets, whole, { ...layout, places: 10 }, 4);
    const places = [0, 2, 4, 7, 8, 9]; // of all ten positives
    places.forEach((from, to) => {
      const cells = (of: Float32Array, i: number) => Array.from(of.subarray(16 * i, 16 * i + 16));
      expect(cells(found.targets, to), `RoI ${to}`).to.deep.equal(cells(all.targets, from));
      expect(cells(found.targets, to).some((cell) => cell === 1)).to.equal(true);
    });
  });

  it("are empty if no positive's object has a mask", () => {
    const image = imageOf([1, 1], [0, 1]);
    const targets = [targetsOf(image, [0, 1])];
    expect(maskedPositives(targets, [image])).to.equal(0);
  });
});
