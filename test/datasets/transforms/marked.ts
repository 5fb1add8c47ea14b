import { expect } from "chai";
import { metaOf } from "../../../lib/datasets/meta.js";
import type { Instances, Sample } from "../../../lib/datasets/types.js";
import { decodeRle, encodeRle, rleArea, rleBoxXyxy } from "../../../lib/masks/rle.js";
import { Random } from "../../../lib/random.js";
import { filledBox } from "../samples.js";

const RED = [255, 0, 0] as const;
const BLUE = [0, 0, 255] as const;

/**
 * A blue image with red rectangles that do not touch; every red pixel has label 1 and is in a mask, every blue one has
 * label 0.
 */
export function markedSample(width: number, height: number, seed: number): Sample {
  const random = Random.of(seed, "marked");
  const cell = { width: Math.floor(width / 2), height: Math.floor(height / 2) };
  const boxes = [0, 1, 2, 3].map((i) => {
    const w = 5 + random.integer(cell.width - 8);
    const h = 5 + random.integer(cell.height - 8);
    const x = (i % 2) * cell.width + 1 + random.integer(cell.width - w - 1);
    const y = Math.floor(i / 2) * cell.height + 1 + random.integer(cell.height - h - 1);
    return [x, y, x + w, y + h];
  });
  const drawn = boxes.map((box) => filledBox(box, width, height));
  const red = Uint8Array.from({ length: width * height }, (_, i) => drawn.reduce((sum, mask) => sum + mask[i]!, 0));
  const instances: Instances = {
    boxes: Float32Array.from(boxes.flat()),
    labels: Int32Array.from(boxes, (_, i) => i),
    crowd: new Uint8Array(boxes.length),
    areas: Float32Array.from(drawn, (mask) => mask.reduce((a, b) => a + b, 0)),
    ids: Float64Array.from(boxes, (_, i) => seed * 10 + i),
    masks: drawn.map((mask) => encodeRle(mask, height, width)),
  };
  return {
    image: { width, height, data: Uint8Array.from(Array.from(red).flatMap((mark) => (mark === 1 ? RED : BLUE))) },
    meta: metaOf({ id: seed, file: `${seed}.jpg` }, { width, height }),
    instances,
    labelMap: { width, height, data: red },
  };
}

/**
 * Checks that colours, labels and masks agree: where a pixel and its neighbours are all red or all blue, label and masks must
 * be so too. Pixels near edges, where colours are mixed, are not checked.
 *
 * @param margin how far neighbours reach: each resizing shifts labels by up to half a pixel relative to the image
 * @returns how many pixels were checked
 */
export function expectAligned({ image, instances, labelMap }: Sample, margin = 1): number {
  const { width, height, data } = image;
  expect([labelMap?.width, labelMap?.height]).to.deep.equal([width, height]);
  const covered = instances && coverOf(instances, width, height);
  const colours = Int8Array.from({ length: width * height }, (_, i) => {
    const is = ([r, g, b]: readonly number[]) => data[i * 3] === r && data[i * 3 + 1] === g && data[i * 3 + 2] === b;
    return is(BLUE) ? 0 : is(RED) ? 1 : -1;
  });
  const uniform = (x: number, y: number): boolean => {
    for (let v = y - margin; v <= y + margin; v++) {
      for (let u = x - margin; u <= x + margin; u++) {
        if (colours[v * width + u] !== colours[y * width + x]) return false;
      }
    }
    return true;
  };
  let told = 0;
  for (let y = margin; y < height - margin; y++) {
    for (let x = margin; x < width - margin; x++) {
      const i = y * width + x;
      if (colours[i]! < 0 || !uniform(x, y)) continue;
      told++;
      if (labelMap!.data[i] !== colours[i] || (covered ?? colours)[i] !== colours[i]) {
        expect.fail(
          `${x}, ${y} of ${width}×${height}: colour ${colours[i]}, label ${labelMap!.data[i]}, masks ${covered?.[i]}`,
        );
      }
    }
  }
  return told;
}

/** [height, width] 1 where any mask is. */
export function coverOf({ masks }: Instances, width: number, height: number): Uint8Array {
  const covered = new Uint8Array(width * height);
  for (const mask of masks) {
    expect([mask?.width, mask?.height]).to.deep.equal([width, height]);
    for (const [i, inside] of decodeRle(mask!).entries()) covered[i]! |= inside;
  }
  return covered;
}

/** Checks that boxes are within the image and fit their masks to within `slack` pixels. */
export function expectBoxesFollowMasks({ image, instances }: Sample, slack: number): void {
  const { boxes, masks, labels, ids, crowd, areas } = instances!;
  for (const list of [masks, ids, crowd, areas]) expect(list.length).to.equal(labels.length);
  expect(boxes.length).to.equal(4 * labels.length);
  for (const [k, mask] of masks.entries()) {
    const box = Array.from(boxes.subarray(k * 4, k * 4 + 4));
    expect(Math.min(...box)).to.be.at.least(0);
    expect(box[2]).to.be.at.most(image.width);
    expect(box[3]).to.be.at.most(image.height);
    if (rleArea(mask!) === 0) continue;
    for (const [c, edge] of rleBoxXyxy(mask!).entries()) expect(box[c]).to.be.closeTo(edge, slack);
  }
}
