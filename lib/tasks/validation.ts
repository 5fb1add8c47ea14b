import type { Batch } from "../datasets/loader/batch.js";
import type { Loader } from "../datasets/loader/loader.js";
import type { BatchPredictor } from "../models/predictions.js";
import { lossMean } from "./losses.js";
import type { Evaluation, Validation } from "./task.js";

/** Collects a model's answers for the images of a validation set, in their order. */
export interface Judge<B extends Batch, Answer> {
  /** @param i the image's index in the batch */
  add(answer: Answer, batch: B, i: number): void | Promise<void>;
  /** The evaluation, without losses. */
  finish(): Evaluation;
}

export interface ValidationParts<B extends Batch, Answer> {
  readonly loader: Loader<B>;
  readonly predictor: BatchPredictor<Answer>;
  /** The number of images. */
  readonly images: number;
  readonly remarks: readonly string[];
  /** One for each evaluation. */
  judge(): Judge<B, Answer>;
}

/** A validation set that is measured image by image. Loader and predictor are disposed of with it. */
export function validationOf<B extends Batch, Answer>(parts: ValidationParts<B, Answer>): Validation<B> {
  const { loader, predictor, images, remarks, judge } = parts;
  const kept: B[] = [];
  let bytes = 0;
  /** The batches in their order, those at the beginning kept as far as they fit. */
  async function* batches(most: number) {
    yield* kept;
    for await (const batch of loader.batches({ startAt: kept.length, stopAt: loader.batchesPerEpoch })) {
      bytes += batch.images.byteLength;
      if (bytes <= most) kept.push(batch);
      yield batch;
    }
  }
  return {
    remarks,
    async evaluate({ losses, signal, keptBytes = 0, onProgress }) {
      const mean = lossMean();
      const { add, finish } = judge();
      let done = 0;
      for await (const batch of batches(keptBytes)) {
        signal?.throwIfAborted();
        if (losses !== undefined) mean.add(await losses(batch, done), batch.meta.length);
        for (const [i, answer] of (await predictor.predict(batch)).entries()) {
          await add(answer, batch, i);
          onProgress?.(++done, images);
        }
      }
      const evaluation = finish();
      return { ...evaluation, metrics: { ...evaluation.metrics, ...mean.metrics() } };
    },
    async dispose() {
      await loader.dispose();
      await predictor.dispose();
    },
  };
}

/** A metric as stored in files: null where it is undefined. */
export const defined = (value: number | undefined): number | null => (Number.isFinite(value) ? value! : null);
