import type { Config } from "../config/schema.js";
import type { Batch } from "../datasets/loader/batch.js";
import type { Loader } from "../datasets/loader/loader.js";
import { UserError } from "../errors.js";
import { registeredMetrics } from "../metrics/registered.js";
import type { BatchPredictor } from "../models/predictions.js";
import { lossMean } from "./losses.js";
import type { Evaluation, Validation } from "./task.js";

/** Collects a model's answers for the images of a validation set, in their order. */
export interface Judge<B extends Batch, Answer> {
  /** @param i the image's index in the batch @returns what is annotated, for registered metrics (`Judged`) */
  add(answer: Answer, batch: B, i: number): unknown;
  /** The evaluation, without losses. */
  finish(): Evaluation;
}

export interface ValidationParts<B extends Batch, Answer> {
  readonly task: Config["task"];
  readonly classes: readonly string[];
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
  const { task, classes, loader, predictor, images, remarks, judge } = parts;
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
      const registered = registeredMetrics(task).map((metric) => ({ metric, run: metric.start(classes) }));
      let done = 0;
      for await (const batch of batches(keptBytes)) {
        signal?.throwIfAborted();
        if (losses !== undefined) mean.add(await losses(batch, done), batch.meta.length);
        for (const [i, answer] of (await predictor.predict(batch)).entries()) {
          const truth = await add(answer, batch, i);
          const judged = { found: answer, truth, file: batch.meta[i]!.file } as unknown; // of the metrics' own task
          for (const { run } of registered) run.add(judged as Parameters<typeof run.add>[0]);
          onProgress?.(++done, images);
        }
      }
      const evaluation = finish();
      const others = registered.map(({ metric: { name }, run }): [string, number] => {
        if (!(name in evaluation.metrics)) return [name, run.value()];
        throw new UserError(`the metric "${name}" is one of the task itself; register yours by another name`);
      });
      return { ...evaluation, metrics: { ...evaluation.metrics, ...Object.fromEntries(others), ...mean.metrics() } };
    },
    async dispose() {
      await loader.dispose();
      await predictor.dispose();
    },
  };
}

/** A metric as stored in files: null where it is undefined. */
export const defined = (value: number | undefined): number | null => (Number.isFinite(value) ? value! : null);
