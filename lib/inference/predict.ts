import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { describeFileError, makeFolder, refuseExisting } from "../files.js";
import { decodePicture } from "../images/decode.js";
import type { Picture } from "../images/picture.js";
import type { ProgressEvent } from "../progress.js";
import { counted, pick } from "../words.js";
import { type AnnotatedIds, annotatedIds } from "./annotatedIds.js";
import { findPictures } from "./findPictures.js";
import { type PredictedPicture, predictionPaths, predictionWriter } from "./predictionWriter.js";
import { openPredictor, type Predictor } from "./predictor.js";

export type { PredictedPicture } from "./predictionWriter.js";

export interface PredictOptions {
  readonly config: Config;
  /** A weights file, a checkpoint's folder, or a run's folder (its best weights). */
  readonly weights: string;
  /** Files, folders or glob patterns. */
  readonly inputs: readonly string[];
  readonly outDir: string;
  /** Write over what is in `outDir` from before; default that is an error. */
  readonly force?: boolean;
  /** A COCO file whose ids the results have; default they are counted. */
  readonly annotations?: string;
  /** Objects below this score are not drawn; default 0.3. Those below the config's score threshold are never found. */
  readonly drawThreshold?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

export interface PredictResult {
  readonly outDir: string;
  readonly pictures: readonly PredictedPicture[];
  /** The inputs that were skipped, for they could not be read, predicted or written, and why. */
  readonly unreadable: readonly UnreadablePicture[];
  /** How results.json is numbered: as the annotations, or 1, 2, … in the order of the pictures. Absent for label maps. */
  readonly imageIds?: "annotated" | "counted";
  /** With annotations, the inputs that are not in them; results.json leaves them out. */
  readonly notAnnotated?: readonly string[];
  /** With annotations, the names of their pictures that were not predicted. */
  readonly notPredicted?: readonly string[];
  /** The score from which on objects are drawn. Absent for label maps. */
  readonly drawThreshold?: number;
}

export interface UnreadablePicture {
  readonly input: string;
  readonly reason: string;
}

/** From this score on objects are drawn, unless told otherwise. */
const DRAWN_FROM = 0.3;

/**
 * Predicts pictures and writes overlays and, by task, `results.json` (COCO results; `pictures.json` says which picture
 * each image id is: that of `annotations`, or 1, 2, … in the order they are predicted) or label maps. A picture that cannot
 * be read, predicted or written, for whatever reason, is skipped with a message and listed in the result. Where it ends early,
 * what was done till then is written.
 *
 * @throws UserError when an input stands for no picture, there are predictions in the folder already, or results cannot be
 *   written; the signal's reason when aborted
 */
export async function predictFiles(options: PredictOptions): Promise<PredictResult> {
  const { config, outDir, annotations } = options;
  const drawThreshold = drawnFrom(options);
  refuseExisting(predictionPaths(outDir), options.force);
  const inputs = await findPictures(options.inputs);
  const predictor = await openPredictor(config, options.weights, (text) =>
    options.onEvent?.({ type: "message", text }),
  );
  try {
    const ids =
      annotations === undefined ? undefined : await annotatedIds(annotations, predictor.description.classes, inputs);
    return await predictInputs(predictor, inputs, { ...options, ids, drawThreshold });
  } finally {
    await predictor.dispose();
  }
}

/** @throws UserError where an option does not go with the task, or is no score */
function drawnFrom({ config, annotations, drawThreshold = DRAWN_FROM }: PredictOptions): number {
  if (!(drawThreshold >= 0 && drawThreshold <= 1)) {
    throw new UserError(`the score from which on objects are drawn must lie in 0–1, not ${drawThreshold}`, 2);
  }
  if (config.task === "detection") return Math.max(drawThreshold, config.model.head.test.scoreThreshold);
  if (annotations === undefined) return drawThreshold;
  throw new UserError(
    "annotations number the results of models that find objects; this model's are label maps, named as their pictures",
    2,
  );
}

export interface PredictInputsOptions extends Pick<PredictOptions, "outDir" | "signal" | "onEvent"> {
  /** Says how pictures are decoded. */
  readonly config: { readonly data: Pick<Config["data"], "codec"> };
  readonly ids?: AnnotatedIds | undefined;
  readonly drawThreshold: number;
}

/** `predictFiles` with a predictor there is already. @param inputs paths of pictures */
export async function predictInputs(
  predictor: Predictor,
  inputs: readonly string[],
  options: PredictInputsOptions,
): Promise<PredictResult> {
  const { outDir, ids, drawThreshold, signal, onEvent } = options;
  const { codec } = options.config.data;
  const say = (text: string): void => onEvent?.({ type: "message", text });
  signal?.throwIfAborted();
  await makeOutput(outDir);
  const writer = predictionWriter(predictor, { outDir, inputs, ids, drawThreshold });
  const unreadable: UnreadablePicture[] = [];
  try {
    let next = decode(inputs[0], codec);
    for (const [i, input] of inputs.entries()) {
      signal?.throwIfAborted();
      const decoded = next;
      next = decode(inputs[i + 1], codec); // while this one is predicted
      try {
        const picture = (await decoded)();
        if (picture !== undefined) await writer.write(input, picture);
      } catch (error) {
        const reason = reasonOf(error, input);
        unreadable.push({ input, reason });
        say(`${reason}; skipped`);
      }
      onEvent?.({ type: "progress", what: "predicting", done: i + 1, total: inputs.length });
    }
  } catch (error) {
    await writer.finish();
    throw error;
  }
  const pictures = await writer.finish();
  const result = { outDir, pictures, unreadable };
  if (predictor.task === "segmentation") return result;
  if (ids === undefined) return { ...result, imageIds: "counted", drawThreshold };
  return { ...result, imageIds: "annotated", drawThreshold, ...compareWith(ids, result, say) };
}

/** What the predictions and the annotations have not in common; it is told too. */
function compareWith(
  { file, pictures, pictureOf }: AnnotatedIds,
  predicted: Pick<PredictResult, "pictures">,
  say: (text: string) => void,
): Required<Pick<PredictResult, "notAnnotated" | "notPredicted">> {
  const inputs = predicted.pictures.map(({ input }) => input);
  const notAnnotated = inputs.filter((input) => pictureOf(input) === undefined);
  const done = new Set(inputs.map((input) => pictureOf(input)?.id));
  const notPredicted = pictures.filter(({ id }) => !done.has(id)).map((picture) => picture.file);
  const some = (part: readonly string[], all: readonly unknown[], told: string): void => {
    if (part.length === 0) return;
    const names = `${part.slice(0, NAMED).join(", ")}${part.length > NAMED ? ", …" : ""}`;
    say(`${part.length} of ${counted(all.length, "picture")} ${told} (${names})`);
  };
  const are = pick(notAnnotated.length, "is", "are");
  some(notAnnotated, inputs, `${are} not in ${file} and so not in results.json, only drawn`);
  some(
    notPredicted,
    pictures,
    `in ${file} ${pick(notPredicted.length, "was", "were")} not predicted: evaluate counts all objects there as missed`,
  );
  return { notAnnotated, notPredicted };
}

/** So many pictures are named in a message. */
const NAMED = 5;

async function makeOutput(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (error) {
    throw describeFileError(error, folder, "write");
  }
}

/** Never fails, for nobody waits for it yet: the failure is the answer's. */
async function decode(input: string | undefined, codec: Config["data"]["codec"]): Promise<() => Picture | undefined> {
  try {
    const picture = input === undefined ? undefined : await decodePicture(input, { codec });
    return () => picture;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function reasonOf(error: unknown, input: string): string {
  if (error instanceof UserError) return error.message;
  return `${input}: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
}
