import type { SizedTensor, SizedTensors } from "../../engines/modelFile.js";
import { pasteMasks } from "../../masks/paste.js";
import { decodeRle } from "../../masks/rle.js";
import type { InferenceBatch } from "../../models/predictions.js";
import type { Comparison } from "../comparison.js";
import { type Pairing, pairDetections, unequal } from "../differences.js";

export interface DetectionComparisonOptions {
  readonly tolerance: number;
  /** The smallest score kept. */
  readonly scoreThreshold: number;
  /** The probability from which a pixel belongs to a mask. */
  readonly maskThreshold: number;
}

/** Pairs the objects of two runs, and compares boxes, scores and masks of the pairs. */
export function detectionComparison(options: DetectionComparisonOptions): Comparison {
  const { tolerance, scoreThreshold, maskThreshold } = options;
  const found = { pairs: 0, unmatched: 0, box: 0, score: 0 };
  let differing = 0;
  let covered = 0;

  const addMasks = (batch: InferenceBatch, i: number, own: Objects, other: Objects, { pairs }: Pairing) => {
    const pixels = (objects: Objects, k: number) => maskPixels(objects, k, batch, i, maskThreshold);
    for (const [a, b] of pairs) {
      const [mine, theirs] = [pixels(own, a), pixels(other, b)];
      differing += unequal(mine, theirs);
      covered += mine.reduce((sum, bit) => sum + bit, 0);
    }
  };

  return {
    add(batch, native, file) {
      for (const i of batch.meta.keys()) {
        const [own, other] = [objectsOf(native, i), objectsOf(file, i)];
        const [x, y] = batch.meta[i]!.scaleFactor;
        const reach = (tolerance * Math.max(batch.height, batch.width)) / Math.min(x, y);
        const full = own.scores.length === own.places;
        const lowest = full ? Math.min(...own.scores) : 0;
        const cut = Math.max(scoreThreshold, lowest) + tolerance;
        const pairing = pairDetections(own, other, { reach, cut });
        found.pairs += pairing.pairs.length;
        found.unmatched += pairing.unmatched;
        found.box = Math.max(found.box, pairing.box * Math.max(x, y));
        found.score = Math.max(found.score, pairing.score);
        if (own.masks !== undefined && other.masks !== undefined) addMasks(batch, i, own, other, pairing);
      }
    },
    result: () => ({ outputs: {}, found: covered === 0 ? found : { ...found, mask: differing / covered } }),
  };
}

/** What a run found in one image. */
interface Objects {
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
  readonly labels: Int32Array;
  /** For every place, used or not. */
  readonly places: number;
  readonly masks?: SizedTensor;
}

function objectsOf({ count, boxes, scores, labels, masks }: SizedTensors, image: number): Objects {
  const places = scores!.shape[1]!;
  const end = image * places + count!.data[image]!;
  return {
    boxes: boxes!.data.subarray(4 * image * places, 4 * end) as Float32Array,
    scores: scores!.data.subarray(image * places, end) as Float32Array,
    labels: labels!.data.subarray(image * places, end) as Int32Array,
    places,
    ...(masks !== undefined && { masks }),
  };
}

/** One object's mask in the pixels of the network's input, pasted here if the run has not done so. */
function maskPixels(
  { boxes, places, masks }: Objects,
  k: number,
  { height, width, meta }: InferenceBatch,
  image: number,
  threshold: number,
): Uint8Array {
  const { data, shape } = masks!;
  const cells = shape[2]! * shape[3]!;
  const at = (image * places + k) * cells;
  if (data instanceof Uint8Array) return data.subarray(at, at + cells);
  const [x, y] = meta[image]!.scaleFactor;
  const box = boxes.slice(4 * k, 4 * k + 4).map((v, j) => v * (j % 2 === 0 ? x : y));
  const own = (data as Float32Array).subarray(at, at + cells);
  return decodeRle(pasteMasks({ masks: own, size: shape[2]!, boxes: box, height, width, threshold })[0]!);
}
