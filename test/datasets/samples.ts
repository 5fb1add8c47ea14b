import { metaOf } from "../../lib/datasets/meta.js";
import type { Instances, Sample } from "../../lib/datasets/types.js";
import { encodeRle } from "../../lib/masks/rle.js";
import { Random } from "../../lib/random.js";
import { noiseImage, noiseLabels } from "../pixels/images.js";

/** A sample with boxes of whole pixels, masks that fill them, and a label map. */
export function makeSample(width: number, height: number, objects: number, seed = 1): Sample {
  const random = Random.of(seed, "sample");
  const boxes = Array.from({ length: objects }, () => {
    const x = random.integer(width);
    const y = random.integer(height);
    return [x, y, x + 1 + random.integer(width - x), y + 1 + random.integer(height - y)] as const;
  });
  const instances: Instances = {
    boxes: Float32Array.from(boxes.flat()),
    labels: Int32Array.from(boxes, () => random.integer(5)),
    crowd: new Uint8Array(objects),
    areas: Float32Array.from(boxes, ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1)),
    ids: Float64Array.from(boxes, (_, i) => 100 + i),
    masks: boxes.map((box) => encodeRle(filledBox(box, width, height), height, width)),
  };
  return {
    image: noiseImage(width, height, seed),
    meta: metaOf({ id: 1, file: "a.jpg" }, { width, height }),
    instances,
    labelMap: noiseLabels(width, height, 5, seed),
  };
}

/** Row-major pixels of a box x1 y1 x2 y2. */
export function filledBox(box: readonly number[], width: number, height: number): Uint8Array {
  const [x1, y1, x2, y2] = box as [number, number, number, number];
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return Number(x >= x1 && x < x2 && y >= y1 && y < y2);
  });
}
