import type { SizedTensor, SizedTensors } from "../../engines/modelFile.js";
import { pasteMasks } from "../../masks/paste.js";
import { decodeRle } from "../../masks/rle.js";
import type { InferenceBatch } from "../../models/predictions.js";
import { labelMapOf } from "../../models/semanticFpn/labelMap.js";
import type { Network } from "../network.js";
import type { ExportSettings } from "../settings.js";
import {
  type Pairing,
  pairDetections,
  type TensorDifference,
  tensorDifference,
  unequal,
  worse,
} from "./differences.js";
import { classesLast } from "./fileEngine.js";
import type { FoundDifference, VerifyResult } from "./result.js";

type Compared = Pick<VerifyResult, "outputs" | "found" | "map">;

/** Gathers how far two runs are apart, batch after batch. */
export function createComparison(network: Network, settings: ExportSettings, tolerance: number) {
  const outputs: Record<string, TensorDifference> = {};
  const found = { pairs: 0, unmatched: 0, box: 0, score: 0, differing: 0, covered: 0 };
  const map = { differing: 0, pixels: 0 };

  const addObjects = (batch: InferenceBatch, native: SizedTensors, file: SizedTensors) => {
    for (const i of batch.meta.keys()) {
      const [own, other] = [objectsOf(native, i), objectsOf(file, i)];
      const meta = batch.meta[i]!;
      const [x, y] = meta.scaleFactor;
      const reach = (tolerance * Math.max(batch.height, batch.width)) / Math.min(x, y);
      const full = own.scores.length === own.places;
      const lowest = full ? Math.min(...own.scores) : 0;
      const cut = Math.max(network.scoreThreshold ?? 0, lowest) + tolerance;
      const pairing = pairDetections(own, other, { reach, cut });
      found.pairs += pairing.pairs.length;
      found.unmatched += pairing.unmatched;
      found.box = Math.max(found.box, pairing.box * Math.max(x, y));
      found.score = Math.max(found.score, pairing.score);
      if (own.masks !== undefined && other.masks !== undefined) addMasks(batch, i, own, other, pairing);
    }
  };

  const addMasks = (batch: InferenceBatch, i: number, own: Objects, other: Objects, { pairs }: Pairing) => {
    const pixels = (objects: Objects, k: number) => maskPixels(objects, k, batch, i, network.maskThreshold ?? 0.5);
    for (const [a, b] of pairs) {
      const [mine, theirs] = [pixels(own, a), pixels(other, b)];
      found.differing += unequal(mine, theirs);
      found.covered += mine.reduce((sum, bit) => sum + bit, 0);
    }
  };

  const addMaps = (batch: InferenceBatch, native: SizedTensors, file: SizedTensors) => {
    for (const i of batch.meta.keys()) {
      const mine = mapOf(native.logits!, i, batch);
      const plane = batch.height * batch.width;
      const theirs =
        file.logits === undefined
          ? (file.label_map!.data as Uint8Array).subarray(i * plane, (i + 1) * plane)
          : mapOf(file.logits, i, batch);
      map.differing += unequal(mine, theirs);
      map.pixels += plane;
    }
  };

  return {
    add(batch: InferenceBatch, native: SizedTensors, file: SizedTensors): void {
      if (native.boxes !== undefined) {
        addObjects(batch, native, file);
        return;
      }
      for (const [name, { data }] of Object.entries(native)) {
        const other = file[name];
        if (other !== undefined) outputs[name] = worse(outputs[name], tensorDifference(data, other.data));
      }
      if (native.logits !== undefined) addMaps(batch, native, file);
    },
    result(): Compared {
      const { differing, covered, ...rest } = found;
      const objects: FoundDifference = covered === 0 ? rest : { ...rest, mask: differing / covered };
      if (settings.part !== "model") return { outputs };
      if (network.description.task === "detection") return { outputs, found: objects };
      return { outputs, map: map.differing / Math.max(1, map.pixels) };
    },
  };
}

/** What a run found in one picture. */
interface Objects {
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
  readonly labels: Int32Array;
  /** Of every place, real or not. */
  readonly places: number;
  readonly masks?: SizedTensor;
}

function objectsOf({ count, boxes, scores, labels, masks }: SizedTensors, picture: number): Objects {
  const places = scores!.shape[1]!;
  const end = picture * places + count!.data[picture]!;
  return {
    boxes: boxes!.data.subarray(4 * picture * places, 4 * end) as Float32Array,
    scores: scores!.data.subarray(picture * places, end) as Float32Array,
    labels: labels!.data.subarray(picture * places, end) as Int32Array,
    places,
    ...(masks !== undefined && { masks }),
  };
}

/** One object's mask in the pixels of the network's input, pasted here where the run has not. */
function maskPixels(
  { boxes, places, masks }: Objects,
  k: number,
  { height, width, meta }: InferenceBatch,
  picture: number,
  threshold: number,
): Uint8Array {
  const { data, shape } = masks!;
  const cells = shape[2]! * shape[3]!;
  const at = (picture * places + k) * cells;
  if (data instanceof Uint8Array) return data.subarray(at, at + cells);
  const [x, y] = meta[picture]!.scaleFactor;
  const box = boxes.slice(4 * k, 4 * k + 4).map((v, j) => v * (j % 2 === 0 ? x : y));
  const own = (data as Float32Array).subarray(at, at + cells);
  return decodeRle(pasteMasks({ masks: own, size: shape[2]!, boxes: box, height, width, threshold })[0]!);
}

/** The likeliest class of each pixel of the network's input. */
function mapOf({ data, shape }: SizedTensor, picture: number, { height, width }: InferenceBatch): Uint8Array {
  const [batch, classes, rows, columns] = shape as readonly [number, number, number, number];
  const length = data.length / batch;
  const own = (data as Float32Array).subarray(picture * length, (picture + 1) * length);
  const logits = { logits: classesLast(own, shape), classes, height: rows, width: columns };
  const size = { height, width };
  return labelMapOf(logits, { input: size, valid: size, output: size }).data;
}
