import type { SizedTensors } from "../../engines/modelFile.js";
import { transpose } from "../../graph/index.js";
import type { LabelMap } from "../../pixels/image.js";
import type { InferenceBatch, Segmenter } from "../predictions.js";
import { type PredictorOptions, programPredictor } from "../programPredictor.js";
import { labelMapOf } from "./labelMap.js";
import type { SemanticFpn } from "./model.js";

/** Shapes whose programs are kept. */
const PROGRAMS_KEPT = 8;

export interface SegmenterOptions extends PredictorOptions {
  readonly model: SemanticFpn;
}

/** Gives every pixel a class with a Semantic FPN. Logits are enlarged here, and only where needed. */
export function segmenter({ model, ...options }: SegmenterOptions): Segmenter {
  return programPredictor(
    {
      kept: PROGRAMS_KEPT,
      record: (images, context) => ({ logits: transpose(model.forward(images, context), [0, 2, 3, 1]) }),
      read: (outputs, batch) => readLabelMaps(outputs, batch),
    },
    options,
  );
}

/** @param outputs with `logits` [B, rows, columns, classes] @returns maps of the original images' size */
export function readLabelMaps(
  { logits: found }: SizedTensors,
  { height, width, meta }: InferenceBatch,
): readonly LabelMap[] {
  const [, rows, columns, classes] = found!.shape as [number, number, number, number];
  const logits = found!.data as Float32Array;
  const plane = classes * rows * columns;
  return meta.map((image, i) =>
    labelMapOf(
      { logits: logits.subarray(i * plane, (i + 1) * plane), classes, height: rows, width: columns },
      {
        input: { width, height },
        valid: { width: image.width, height: image.height },
        output: { width: image.originalWidth, height: image.originalHeight },
      },
    ),
  );
}
