import { refuseUnknownOptions } from "../arguments.js";
import { resolveConfig } from "../config/load.js";
import type { Config, ConfigInput } from "../config/schema.js";
import { UserError } from "../errors.js";
import type { Image } from "../pixels/image.js";
import { findWeights } from "../runs/folder.js";
import type { ClassificationResult } from "../tasks/classification/result.js";
import type { DetectionResult } from "../tasks/detection/result.js";
import { kindOf } from "../tasks/kinds.js";
import { classIndices } from "../tasks/predictions.js";
import type { SegmentationResult } from "../tasks/segmentation/result.js";
import { inBatches } from "./batches.js";
import { openPredictor } from "./openPredictor.js";
import { checkScore } from "./predict.js";
import { type ImageInput, readInput } from "./readInput.js";
import { resolveModel } from "./resolveModel.js";
import { takingTurns } from "./turns.js";

/** How many calls are processed at once: while the engine runs one, the image of the next is read. */
const AT_ONCE = 2;

/** What `loadModel` should take in place of what the model brings. */
export interface LoadModelOptions {
  /** A weights file, a checkpoint's folder, or a run's folder (its best weights); needed where the model has none of its own. */
  readonly weights?: string;
  /** `a.b.c=value`, as --set on the command line. */
  readonly overrides?: readonly string[];
  /** Load the plugins that the config in a model's file names: they are code. Default false. */
  readonly allowPlugins?: boolean;
}

/** What is asked of one call of `model.predict`. */
export interface AskOptions {
  /** Objects below this score are left out. Those below the config's score threshold are never found. */
  readonly score?: number;
  /** Names of classes: objects of others are left out. */
  readonly classes?: readonly string[];
  /** When aborted, the call ends with the signal's reason. */
  readonly signal?: AbortSignal;
}

const ASKED: readonly (keyof AskOptions)[] = ["score", "classes", "signal"];

/** A trained model. */
export interface ModelOf<Task extends Config["task"], Result> extends AsyncDisposable {
  readonly task: Task;
  readonly classes: readonly string[];
  /**
   * Any number of calls may run at once: two are processed, the others wait. Bytes and pixels passed in must not change
   * while their result is used.
   *
   * @throws UserError when it is no image or cannot be read, a choice does not apply, and after `dispose`
   */
  predict(image: ImageInput, options?: AskOptions): Promise<Result>;
  /** The results of several images, in their order. */
  predict(images: readonly ImageInput[], options?: AskOptions): Promise<Result[]>;
  /**
   * The results of images as they come, in their order: as many as `data.testBatchSize` says are predicted at once where they have one
   * size, and the next are read meanwhile.
   */
  predict(images: AsyncIterable<ImageInput>, options?: AskOptions): AsyncGenerator<Result, void, undefined>;
  /** Releases the memory of the model's programs after predictions in progress. May be called more than once. */
  dispose(): Promise<void>;
}

/** Finds objects; the best score comes first. */
export type DetectionModel = ModelOf<"detection", DetectionResult>;
/** Gives every pixel a class. */
export type SegmentationModel = ModelOf<"segmentation", SegmentationResult>;
/** Gives the class of a whole image: all classes, the likeliest first. */
export type ClassificationModel = ModelOf<"classification", ClassificationResult>;
/** A loaded model; `task` tells which kind. */
export type Model = DetectionModel | SegmentationModel | ClassificationModel;

/** An image that has been read. */
interface Read {
  readonly image: Image;
  readonly name: string;
  readonly input: unknown;
}

/**
 * Loads a trained model. `model.task` tells its kind, and so what `predict` returns.
 *
 * @param model a run's folder or a packed model; or a config file's path, the name of a config that comes with densekit, or
 *   a config as an object, which need `options.weights`
 * @throws UserError when config or weights cannot be read, or do not match
 */
export async function loadModel(model: string | ConfigInput, options: LoadModelOptions = {}): Promise<Model> {
  const { config, weights } = await resolve(model, options);
  const kind = kindOf(config);
  const predictor = await openPredictor(config, weights);
  const { codec } = config.data;
  const { description } = predictor;
  const { classes } = description;
  const turns = takingTurns(AT_ONCE);
  let disposed: Promise<void> | undefined;
  const underway = new Set<Promise<unknown>>();
  const dispose = () => (disposed ??= Promise.allSettled(underway).then(() => predictor.dispose()));
  /** Images are read in turns too: reading many at once would fill the memory. */
  const inTurn = <R>(work: () => Promise<R>): Promise<R> => {
    if (disposed !== undefined) throw new UserError("the model was disposed of; load it again to predict");
    const answer = turns(work);
    underway.add(answer);
    const over = () => underway.delete(answer);
    answer.then(over, over);
    return answer;
  };

  /** What one call does with images: how it reads them, and what it answers. */
  const asking = (options: AskOptions) => {
    refuseUnknownOptions("predict", options, ASKED);
    const { score, classes: wanted, signal } = options;
    checkScore("the score", score);
    if (wanted !== undefined) classIndices(wanted, classes);
    const choices = kind.predictions.choose(config, {
      ...(score !== undefined && { score }),
      ...(wanted !== undefined && { classes: wanted }),
    });
    const read = async (input: unknown, called = "the image"): Promise<Read> => {
      signal?.throwIfAborted();
      const [image, name] = await readInput(input, { codec, name: called, signal });
      return { image, name, input };
    };
    const answer = async (images: readonly Read[]): Promise<unknown[]> => {
      signal?.throwIfAborted();
      const answers = await predictor.predictAll(images);
      return answers.map((found, i) => {
        const { image, name, input } = images[i]!;
        const { width, height } = image;
        const again = async () => sameSize((await readInput(input, { codec, name }))[0], { width, height, name });
        return kind.found(found, { width, height, description, choices, read: again });
      });
    };
    return { read, answer };
  };
  const one = async (input: unknown, options: AskOptions): Promise<unknown> => {
    const { read, answer } = asking(options);
    return untilAborted(
      inTurn(async () => (await answer([await read(input)]))[0]),
      options.signal,
    );
  };
  async function* stream(images: Iterable<unknown> | AsyncIterable<unknown>, options: AskOptions) {
    const { read, answer } = asking(options);
    const batches = inBatches(images, {
      size: predictor.batch,
      read: (input, index) => untilAborted(read(input, `image ${index + 1}`), options.signal),
      answer: (batch) =>
        untilAborted(
          inTurn(() => answer(batch)),
          options.signal,
        ),
    });
    try {
      for (;;) {
        const { done, value } = await untilAborted(batches.next(), options.signal);
        if (done === true) return;
        yield value;
      }
    } finally {
      void batches.return().catch(() => undefined); // not awaited: the images may never come
    }
  }
  const all = async (images: AsyncIterable<unknown>): Promise<unknown[]> => {
    const results: unknown[] = [];
    for await (const result of images) results.push(result);
    return results;
  };
  const predict = (input: unknown, options: AskOptions = {}) => {
    if (Array.isArray(input)) return all(stream(input, options));
    return isAsyncIterable(input) ? stream(input, options) : one(input, options);
  };
  const loaded = { task: predictor.task, classes, predict, dispose, [Symbol.asyncDispose]: dispose };
  return loaded as unknown as Model; // each kind has its own type of result
}

async function resolve(
  model: string | ConfigInput,
  options: LoadModelOptions,
): Promise<{ readonly config: Config; readonly weights: string }> {
  if (typeof model === "string") return resolveModel(model, options);
  const { config } = resolveConfig(model, { overrides: options.overrides ?? [] });
  return { config, weights: await findWeights(options.weights) };
}

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === "object" && value !== null && Symbol.asyncIterator in value;

/** @throws UserError where an image that is read again is another by now */
function sameSize(image: Image, { width, height, name }: Pick<Image, "width" | "height"> & Pick<Read, "name">): Image {
  if (image.width === width && image.height === height) return image;
  throw new UserError(
    `${name}: it had ${width} × ${height} pixels when it was predicted, and now has ${image.width} × ${image.height}`,
  );
}

/** Rejects with the signal's reason when it is aborted before the work is done. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
