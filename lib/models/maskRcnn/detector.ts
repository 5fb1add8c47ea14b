import type { SizedTensors } from "../../engines/modelFile.js";
import { input, type TensorData } from "../../graph/index.js";
import { pasteMasks } from "../../masks/paste.js";
import type { Detections, Detector, InferenceBatch } from "../predictions.js";
import { type PredictorOptions, programPredictor } from "../programPredictor.js";
import { detectionGraph } from "./detectionGraph.js";
import type { MaskRcnn } from "./model.js";

/** Shapes of batches whose programs are kept. */
const PROGRAMS_KEPT = 4;

export interface DetectorOptions extends PredictorOptions {
  readonly model: MaskRcnn;
}

/**
 * Finds objects with a Mask R-CNN. One program computes everything up to the mask probabilities; the masks are pasted
 * here.
 */
export function detector({ model, ...options }: DetectorOptions): Detector {
  const { maskThreshold } = model.config.test;
  return programPredictor(
    {
      kept: PROGRAMS_KEPT,
      record(images, context) {
        const [batch] = images.shape as [number];
        const sizes = input("sizes", [batch, 4]);
        const scales = input("scales", [batch, 4]);
        return { ...detectionGraph(model, context, { images, sizes, scales }) };
      },
      inputs: ({ meta }) => ({
        sizes: Float32Array.from(meta.flatMap((one) => [one.width, one.height, one.width, one.height])),
        scales: Float32Array.from(meta.flatMap(({ scaleFactor: [x, y] }) => [x, y, x, y])),
      }),
      read: (outputs, batch) => readDetections(outputs, batch, maskThreshold),
    },
    options,
  );
}

/** The outputs of a detection graph as objects, their masks pasted into images of the original size. */
export function readDetections(
  outputs: SizedTensors,
  { meta }: InferenceBatch,
  maskThreshold: number,
): readonly Detections[] {
  return meta.map(({ originalHeight, originalWidth }, i) =>
    detectionsOf(outputs, i, { height: originalHeight, width: originalWidth, threshold: maskThreshold }),
  );
}

function detectionsOf(
  outputs: SizedTensors,
  image: number,
  size: { readonly height: number; readonly width: number; readonly threshold: number },
): Detections {
  const places = outputs.scores!.shape[1]!;
  const count = outputs.count!.data[image]!;
  const rows = <T extends TensorData>(data: T, perRow: number) =>
    data.slice(image * places * perRow, (image * places + count) * perRow) as T;
  const boxes = rows(outputs.boxes!.data as Float32Array, 4);
  const scores = rows(outputs.scores!.data as Float32Array, 1);
  const found = { boxes, scores, labels: rows(outputs.labels!.data as Int32Array, 1) };
  const probabilities = outputs.masks;
  if (probabilities === undefined) return found;
  const side = probabilities.shape[3]!;
  const masks = pasteMasks({
    masks: rows(probabilities.data as Float32Array, side * side),
    size: side,
    boxes,
    ...size,
  });
  return { ...found, masks };
}
