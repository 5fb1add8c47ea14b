import { UserError } from "../../errors.js";
import { IMAGENET_NORMALISATION } from "../../pixels/normalise.js";
import { startPool, type ThreadPool } from "../../threads.js";
import { counted, pick } from "../../words.js";
import { planSample, sampleStream } from "../augment.js";
import { completeTransforms, transformModules } from "../transforms/index.js";
import type { Dataset } from "../types.js";
import type { Batch, BatchOf } from "./batch.js";
import { type BatchSettings, type BatchTask, makeBatch } from "./makeBatch.js";
import { type PlanOptions, planEpoch } from "./plan.js";
import type { LoaderOptions } from "./types.js";

export interface Loader<B extends Batch = Batch> {
  readonly batchesPerEpoch: number;
  /**
   * Batches by global step: step s is batch s mod batchesPerEpoch of epoch floor(s ÷ batchesPerEpoch). Starting at s
   * gives what an uninterrupted run sees from s on, and decodes nothing before it.
   *
   * @param range.startAt default 0
   * @param range.stopAt exclusive; default never
   * @throws UserError when an image or annotation cannot be read
   */
  batches(range?: { readonly startAt?: number; readonly stopAt?: number }): AsyncGenerator<B, void, undefined>;
  /** The batches of one epoch, by default the first. */
  epoch(epoch?: number): AsyncGenerator<B, void, undefined>;
  /** Milliseconds the consumer has waited for batches so far. */
  readonly waitedMs: number;
  /** Ends the worker threads; until then the process does not exit. */
  dispose(): Promise<void>;
}

/** Batches of a data set, in an order and with distortions that depend on (seed, step) alone. */
export function createLoader<D extends Dataset>(options: LoaderOptions<D>): Loader<BatchOf<D>> {
  checkOptions(options);
  const plan = planOptions(options);
  const workers = options.workers ?? 0;
  const prefetch = workers === 0 ? 0 : (options.prefetch ?? 2 * workers);
  const settings = settingsOf(options);
  const batchesPerEpoch = planEpoch(plan, 0).length;
  if (batchesPerEpoch === 0) {
    const { length } = options.dataset;
    const filling = pick(length, "does not fill", "do not fill");
    throw new UserError(`${counted(length, "image")} of the data set ${filling} a batch of ${options.batchSize}`);
  }
  const pool = workers === 0 ? undefined : startPool(new URL("./worker.js", import.meta.url), workers);
  const { dataset, seed } = options;
  const mixed = settings.annotations === "original" ? [] : settings.transforms;
  let waitedMs = 0;
  let planned: { readonly epoch: number; readonly batches: readonly Int32Array[] } | undefined;

  const taskAt = (step: number): BatchTask => {
    const epoch = Math.floor(step / batchesPerEpoch);
    if (planned?.epoch !== epoch) planned = { epoch, batches: planEpoch(plan, epoch) };
    const number = step % batchesPerEpoch;
    const indices = planned.batches[number]!;
    // An image that comes twice in an epoch is distorted differently: the random stream belongs to the position.
    const plans = Array.from(indices, (index, i) =>
      planSample(dataset, index, mixed, sampleStream(seed, epoch, number * options.batchSize + i)),
    );
    return { kind: dataset.kind, plans, indices, settings };
  };

  async function* batches(range: { readonly startAt?: number; readonly stopAt?: number } = {}) {
    const stopAt = range.stopAt ?? Number.POSITIVE_INFINITY;
    const ahead: Promise<Batch>[] = [];
    const free: ArrayBuffer[] = [];
    let next = range.startAt ?? 0;
    for (let step = next; step < stopAt; step++) {
      for (; next < stopAt && next <= step + prefetch; next++) {
        const coming = pool === undefined ? makeBatch(taskAt(next)) : makeInPool(pool, taskAt(next), free.pop());
        coming.catch(() => undefined); // reported when its turn comes
        ahead.push(coming);
      }
      const start = performance.now();
      const batch = await ahead.shift()!;
      waitedMs += performance.now() - start;
      yield batch as BatchOf<D>;
      const { buffer } = batch.images;
      if (options.reuse === true && pool !== undefined && buffer instanceof ArrayBuffer) free.push(buffer);
    }
  }

  return {
    batchesPerEpoch,
    batches,
    epoch: (epoch = 0) => batches({ startAt: epoch * batchesPerEpoch, stopAt: (epoch + 1) * batchesPerEpoch }),
    get waitedMs() {
      return waitedMs;
    },
    async dispose() {
      await pool?.close();
    },
  };
}

/** @param buffer memory of a batch that is done with */
function makeInPool(pool: ThreadPool, task: BatchTask, buffer: ArrayBuffer | undefined): Promise<Batch> {
  return buffer === undefined
    ? pool.run<Batch>("answer", task)
    : pool.run<Batch>("answer", { ...task, buffer }, [buffer]);
}

function settingsOf(options: LoaderOptions): BatchSettings {
  return {
    transforms: completeTransforms(options.transforms),
    padding: options.padding ?? {},
    normalisation: options.normalisation ?? IMAGENET_NORMALISATION,
    codec: options.codec ?? "auto",
    masks: options.masks ?? true,
    modules: transformModules(),
    decode: options.decode ?? "full",
    annotations: options.annotations ?? "transformed",
    ...(options.hook === undefined ? {} : { hook: options.hook }),
  };
}

function planOptions(options: LoaderOptions): PlanOptions {
  const { dataset, batchSize, seed } = options;
  const shuffle = options.shuffle ?? false;
  const grouping = options.grouping ?? "none";
  const groups = new Uint8Array(dataset.length);
  if (grouping === "aspect" && dataset.kind !== "classification") {
    for (const [i, { width, height }] of dataset.images.entries()) groups[i] = width < height ? 1 : 0;
  }
  const { repeats, classOf, draws } = options;
  return {
    groups,
    batchSize,
    seed,
    shuffle,
    lastBatch: options.lastBatch ?? (shuffle ? "fill" : "short"),
    ...(repeats !== undefined && { repeats }),
    ...(classOf !== undefined && { classOf }),
    ...(draws !== undefined && { draws }),
  };
}

function checkOptions({ dataset, batchSize, workers, prefetch }: LoaderOptions): void {
  const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;
  if (dataset.length === 0) throw new UserError("the data set is empty");
  if (!whole(batchSize, 1)) throw new UserError(`batchSize must be a whole number from 1, not ${batchSize}`);
  if (!whole(workers ?? 0, 0)) throw new UserError(`workers must be a whole number from 0, not ${workers}`);
  if (!whole(prefetch ?? 0, 0)) throw new UserError(`prefetch must be a whole number from 0, not ${prefetch}`);
}
