import { resolveConfig } from "../config/load.js";
import type { Config, ConfigInput } from "../config/schema.js";
import { UserError } from "../errors.js";
import { decodeImage, describeValue, type FileInput } from "../images/decode.js";
import { dropAlpha, type Image } from "../pixels/image.js";
import { findWeights } from "../runs/folder.js";
import type { FoundClass } from "../tasks/classification/found.js";
import type { FoundInstance } from "../tasks/detection/found.js";
import { kindOf } from "../tasks/kinds.js";
import type { FoundClasses } from "../tasks/segmentation/kind.js";
import { openPredictor } from "./openPredictor.js";
import { resolveModel } from "./resolveModel.js";
import { takingTurns } from "./turns.js";

/** How many images are processed at once: while the engine runs one, the next is read. */
const AT_ONCE = 2;

/** What `loadModel` should take in place of what the model brings. */
export interface LoadModelOptions {
  /** A weights file, a checkpoint's folder, or a run's folder (its best weights); needed where the model has none of its own. */
  readonly weights?: string;
  /** `a.b.c=value`, as --set on the command line. */
  readonly overrides?: readonly string[];
}

/** A file's path or file: URL, its bytes, or a decoded image. */
export type ImageInput = FileInput | Image;

interface ModelOf<Task extends string, Result> {
  readonly task: Task;
  readonly classes: readonly string[];
  /**
   * Any number of calls may run at once: two are processed, the others wait. Bytes and pixels passed in must not change
   * until the call has returned its result.
   *
   * @throws UserError when the image cannot be read or the length of its data does not match its size, and after
   *   `dispose`
   */
  predict(image: ImageInput): Promise<Result>;
  /** Releases the memory of the model's programs after predictions in progress. May be called more than once. */
  dispose(): Promise<void>;
}

/** Finds objects; the best score comes first. */
export type DetectionModel = ModelOf<"detection", readonly FoundInstance[]>;
/** Gives every pixel a class. */
export type SegmentationModel = ModelOf<"segmentation", FoundClasses>;
/** Gives the class of a whole image: all classes, the likeliest first. */
export type ClassificationModel = ModelOf<"classification", readonly FoundClass[]>;
/** A loaded model; `task` tells which kind. */
export type Model = DetectionModel | SegmentationModel | ClassificationModel;

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
  const { classes } = predictor.description;
  const turns = takingTurns(AT_ONCE);
  let disposed: Promise<void> | undefined;
  const underway = new Set<Promise<unknown>>();
  const dispose = () => (disposed ??= Promise.allSettled(underway).then(() => predictor.dispose()));
  const read = async (input: ImageInput): Promise<[Image, string]> => {
    const image = isEncoded(input) ? await decodeImage(input, { codec }) : checkedImage(input);
    return [image, typeof input === "string" ? input : "the image"];
  };
  /** Images are read in turns too: reading many at once would fill the memory. */
  const inTurn = <R>(work: () => Promise<R>): Promise<R> => {
    if (disposed !== undefined) throw new UserError("the model was disposed of; load it again to predict");
    const answer = turns(work);
    underway.add(answer);
    const over = () => underway.delete(answer);
    answer.then(over, over);
    return answer;
  };
  const predict = async (input: ImageInput) =>
    inTurn(async () => kind.found(await predictor.predict(...(await read(input))), classes));
  return { task: predictor.task, classes, predict, dispose } as Model; // each kind has its own type of answer
}

async function resolve(
  model: string | ConfigInput,
  options: LoadModelOptions,
): Promise<{ readonly config: Config; readonly weights: string }> {
  if (typeof model === "string") return resolveModel(model, options);
  const { config } = resolveConfig(model, { overrides: options.overrides ?? [] });
  return { config, weights: await findWeights(options.weights) };
}

function isEncoded(input: ImageInput): input is FileInput {
  return (
    typeof input === "string" || input instanceof URL || input instanceof Uint8Array || input instanceof ArrayBuffer
  );
}

/** An image made by another program: RGB, or RGBA, whose alpha is dropped. */
export function checkedImage(image: unknown): Image {
  const given = typeof image === "object" && image !== null ? image : undefined;
  if (given === undefined || !("width" in given && "height" in given && "data" in given)) {
    throw new UserError(
      `the image: a path, the bytes of a file, or { width, height, data } is needed, not ${describeValue(image)}`,
    );
  }
  const { width, height, data } = given;
  if (!isSide(width) || !isSide(height)) {
    throw new UserError(`the image: width and height must be whole numbers of at least 1, not ${width} and ${height}`);
  }
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new UserError(`the image: data must be a Uint8Array of RGB values of 0 to 255, not ${describeValue(data)}`);
  }
  const pixels = width * height;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  if (bytes.length === 3 * pixels) return { width, height, data: bytes };
  if (bytes.length === 4 * pixels) return { width, height, data: dropAlpha(bytes) };
  throw new UserError(
    `the image: ${width} × ${height} pixels of RGB are ${3 * pixels} bytes (RGBA ${4 * pixels}), ` +
      `but data has ${bytes.length}`,
  );
}

const isSide = (value: unknown): value is number => typeof value === "number" && Number.isInteger(value) && value >= 1;
