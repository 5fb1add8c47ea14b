import type { SizedTensors } from "../../engines/modelFile.js";
import { softmax } from "../../graph/index.js";
import type { BatchPredictor, InferenceBatch } from "../predictions.js";
import { type PredictorOptions, programPredictor } from "../programPredictor.js";
import type { ClassifierModel } from "./model.js";

/** Shapes whose programs are kept. */
const PROGRAMS_KEPT = 8;

/** A probability for each class, [classes]; they sum to 1. */
export type ClassScores = Float32Array;

export interface ImageClassifierOptions extends PredictorOptions {
  readonly model: ClassifierModel;
}

/** Runs a classifier: images → the probability of each class. */
export function imageClassifier({ model, ...options }: ImageClassifierOptions): BatchPredictor<ClassScores> {
  return programPredictor(
    {
      kept: PROGRAMS_KEPT,
      record: (images, context) => ({ probabilities: softmax(model.forward(images, context), 1) }),
      read: ({ probabilities }, batch) => rowsOf(probabilities!.data as Float32Array, batch),
    },
    options,
  );
}

/** The logits themselves, [classes] per image. */
export function imageLogits({ model, ...options }: ImageClassifierOptions): BatchPredictor<Float32Array> {
  return programPredictor(
    {
      kept: PROGRAMS_KEPT,
      record: (images, context) => ({ logits: model.forward(images, context) }),
      read: ({ logits }, batch) => rowsOf(logits!.data as Float32Array, batch),
    },
    options,
  );
}

/** @param outputs with `logits` [B, classes] */
export function readClassScores({ logits }: SizedTensors, batch: InferenceBatch): readonly ClassScores[] {
  return rowsOf(logits!.data as Float32Array, batch).map((row) => probabilitiesOf(row));
}

function rowsOf(data: Float32Array, { meta }: InferenceBatch): Float32Array[] {
  const classes = data.length / meta.length;
  return meta.map((_, i) => data.slice(i * classes, (i + 1) * classes));
}

/** The softmax of logits, on the host. @param temperature logits are divided by it */
export function probabilitiesOf(logits: Float32Array, temperature = 1): Float32Array {
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = logits.map((z) => Math.exp((z - largest) / temperature));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / sum);
}
