import type { SizedTensor, SizedTensors } from "../../engines/modelFile.js";
import type { InferenceBatch } from "../../models/predictions.js";
import { labelMapOf } from "../../models/semanticFpn/labelMap.js";
import { type Comparison, outputsComparison } from "../comparison.js";
import { unequal } from "../differences.js";

/** Compares logits where both runs have them, and the classes of pixels of the network's input. */
export function segmentationComparison(): Comparison {
  const logits = outputsComparison();
  let differing = 0;
  let pixels = 0;
  return {
    add(batch, native, file) {
      logits.add(batch, native, file);
      const plane = batch.height * batch.width;
      for (const i of batch.meta.keys()) {
        const theirs =
          file.logits === undefined
            ? (file.label_map!.data as Uint8Array).subarray(i * plane, (i + 1) * plane)
            : mapOf(file.logits, i, batch);
        differing += unequal(mapOf(native.logits!, i, batch), theirs);
        pixels += plane;
      }
    },
    result: () => ({ ...logits.result(), map: differing / Math.max(1, pixels) }),
  };
}

/** Outputs whose `logits` [B, K, h, w] become [B, h, w, K]. */
export function withClassesLast(outputs: SizedTensors): SizedTensors {
  const { logits } = outputs;
  if (logits === undefined) return outputs;
  const [batch, classes, rows, columns] = logits.shape as [number, number, number, number];
  return {
    ...outputs,
    logits: {
      ...logits,
      shape: [batch, rows, columns, classes],
      data: classesLast(logits.data as Float32Array, logits.shape),
    },
  };
}

/** The likeliest class of each pixel of the network's input. */
function mapOf({ data, shape }: SizedTensor, image: number, { height, width }: InferenceBatch): Uint8Array {
  const [batch, classes, rows, columns] = shape as readonly [number, number, number, number];
  const length = data.length / batch;
  const own = (data as Float32Array).subarray(image * length, (image + 1) * length);
  const logits = { logits: classesLast(own, shape), classes, height: rows, width: columns };
  const size = { height, width };
  return labelMapOf(logits, { input: size, valid: size, output: size }).data;
}

/** [B, K, h, w] → [B, h, w, K] */
function classesLast(logits: Float32Array, [, classes, height, width]: readonly number[]): Float32Array {
  const plane = height! * width!;
  const result = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes! * plane) {
    for (let k = 0; k < classes!; k++) {
      for (let i = 0; i < plane; i++) result[start + i * classes! + k] = logits[start + k * plane + i]!;
    }
  }
  return result;
}
