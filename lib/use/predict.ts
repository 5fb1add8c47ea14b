import { relative, sep } from "node:path";
import { requireOptions } from "../arguments.js";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import type { Predictor } from "../inference/predictor.js";
import { OutputFolder } from "../outputFolder.js";
import type { Image } from "../pixels/image.js";
import type { ProgressEvent } from "../progress.js";
import { kindOf, MODEL_KINDS } from "../tasks/kinds.js";
import {
  INDEX_FILE,
  indexOf,
  OPTION_NAMES,
  type PredictedImage,
  type PredictionChoices,
  type PredictionSummary,
} from "../tasks/predictions.js";
import { type ImageInputs, imageInputs, type NamedImage, type ReadImageOptions, readImage } from "./imageInputs.js";
import { openPredictor } from "./openPredictor.js";

/** The model and images of `predictFiles`, and where its files go. */
export interface PredictOptions {
  readonly config: Config;
  /** A weights file, a checkpoint's folder, or a run's folder (its best weights). */
  readonly weights: string;
  /** Files, folders, glob patterns or addresses (https://…), or the bytes of a file with a name. */
  readonly inputs: readonly (string | NamedImage)[];
  /** Where the results go. Without it nothing is written, and the result tells what was found. */
  readonly outDir?: string;
  /** Take the images of folders in folders too; default false. */
  readonly recursive?: boolean;
  /** Replace the predictions written into `outDir` before; default false, which makes them an error. */
  readonly force?: boolean;
  /** A COCO file; the results get its ids. Default: images are numbered. */
  readonly annotations?: string;
  /**
   * Objects below this score are not drawn; default `score`, or 0.3. Objects below the config's score threshold are never
   * found.
   */
  readonly drawThreshold?: number;
  /** Objects below this score are left out; default none, but 0.3 where nothing is written. */
  readonly score?: number;
  /** Names of classes: objects of others are left out. */
  readonly classes?: readonly string[];
  /** Write an image for each box that is drawn; default false. */
  readonly saveCrops?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

/** What `predictFiles` found and wrote. */
export interface PredictResult extends PredictionSummary {
  /** The folder written into. */
  readonly outDir?: string;
  /** The inputs that were skipped because they could not be read or predicted, with the reason. */
  readonly unreadable: readonly UnreadableImage[];
}

/** The result where a folder was given. */
export interface WrittenResult extends PredictResult {
  readonly outDir: string;
  readonly images: readonly (PredictedImage & { readonly overlay: string })[];
}

export interface UnreadableImage {
  readonly input: string;
  readonly reason: string;
}

/**
 * Predicts images and writes overlays and, by task, `results.json` (COCO results; `images.json` names the image of each
 * image id: that of `annotations`, or 1, 2, … in the order of prediction), label maps or `classes.json`, and `index.json`, which
 * names the files of each image. An image that
 * cannot be read or predicted, for whatever reason, is skipped with a message and listed in the result. If it ends early,
 * the results so far are written; but if it ends because a file cannot be written, predictions that `force` would have
 * replaced are kept.
 *
 * @throws UserError when an input matches no image, something is in the way in the folder, or results cannot be written;
 *   the signal's reason when aborted
 */
export async function predictFiles(options: PredictOptions & { readonly outDir: string }): Promise<WrittenResult>;
export async function predictFiles(options: PredictOptions): Promise<PredictResult>;
export async function predictFiles(options: PredictOptions): Promise<PredictResult> {
  const { config, outDir, annotations, drawThreshold, score, classes, saveCrops } = options;
  requireOptions("predictFiles", options, {
    ...{ config: "config", inputs: "images" },
    ...(outDir !== undefined && { outDir: "path" }),
  });
  checkScore("the draw threshold", drawThreshold);
  checkScore("the score", score);
  if (outDir === undefined) refuseUnwritten(options);
  const { predictions } = kindOf(config);
  const choices = predictions.choose(config, {
    ...(annotations !== undefined && { annotations }),
    ...(drawThreshold !== undefined && { drawThreshold }),
    ...(score !== undefined && { score }),
    ...(classes !== undefined && { classes }),
    ...(saveCrops === true && { saveCrops }),
  });
  const output =
    outDir === undefined
      ? undefined
      : await OutputFolder.claim({
          maker: "predict",
          folder: outDir,
          names: PREDICTION_NAMES,
          force: options.force,
          straight: true,
        });
  const inputs = await imageInputs(options.inputs, { recursive: options.recursive === true });
  const predictor = await openPredictor(config, options.weights, (text) =>
    options.onEvent?.({ type: "message", text }),
  );
  try {
    return await predictInputs(predictor, inputs, { ...options, output, choices });
  } finally {
    await predictor.dispose();
  }
}

/** @throws UserError where it is no score */
export function checkScore(what: string, score: unknown): void {
  if (score === undefined || (typeof score === "number" && score >= 0 && score <= 1)) return;
  throw new UserError(`${what} must be a number in 0–1, not ${JSON.stringify(score)}`, 2);
}

/** Options that say something of files. */
const OF_FILES = ["annotations", "drawThreshold", "saveCrops", "force"] as const;

/** @throws UserError where one of them is given and no file is written: it would be ignored in silence */
function refuseUnwritten(options: PredictOptions): void {
  const given = OF_FILES.find((name) => options[name] !== undefined && options[name] !== false);
  if (given === undefined) return;
  throw new UserError(
    `${OPTION_NAMES[given]} is about the files that are written; give --out (outDir in the API) with it, or leave it out`,
    2,
  );
}

/** The names of files that predictions of any task may be written to. */
export const PREDICTION_NAMES: readonly string[] = [
  "overlays/",
  INDEX_FILE,
  ...new Set(Object.values(MODEL_KINDS).flatMap(({ predictions }) => predictions.outputs)),
];

export interface PredictInputsOptions extends Pick<PredictOptions, "signal" | "onEvent"> {
  /** Without it nothing is written. */
  readonly output?: OutputFolder | undefined;
  /** Its data section says how images are decoded. */
  readonly config: { readonly data: Pick<Config["data"], "codec"> };
  readonly choices: PredictionChoices;
}

/** `predictFiles` with an existing predictor. */
export async function predictInputs(
  predictor: Omit<Predictor, "batch" | "predictAll">,
  images: ImageInputs,
  options: PredictInputsOptions,
): Promise<PredictResult> {
  const { output, choices, signal, onEvent } = options;
  const { codec } = options.config.data;
  const inputs = [...images.keys()];
  const decode = (input: string | undefined) => decoded(input, { codec, bytes: images.get(input ?? ""), signal });
  const say = (text: string): void => onEvent?.({ type: "message", text });
  signal?.throwIfAborted();
  const { description } = predictor;
  const { predictions } = kindOf(predictor);
  const writer = await predictions.writer({ ...choices, description, output, inputs });
  const finish = async (tell: (text: string) => void): Promise<PredictionSummary> => {
    const summary = await writer.finish(tell);
    const pathOf = (file: string) =>
      relative(output?.folder ?? "", file)
        .split(sep)
        .join("/");
    const files = predictions.outputs.filter((name) => !name.endsWith("/"));
    await output?.write(INDEX_FILE, `${JSON.stringify(indexOf(summary.images, pathOf, files))}\n`);
    return summary;
  };
  await output?.begin(inputs.filter((input) => images.get(input) === undefined));
  const unreadable: UnreadableImage[] = [];
  try {
    let next = decode(inputs[0]);
    for (const [i, input] of inputs.entries()) {
      signal?.throwIfAborted();
      const current = next;
      next = decode(inputs[i + 1]); // while this one is predicted
      try {
        const image = (await current)();
        if (image !== undefined) await writer.write(input, image, await predictor.predict(image, input));
      } catch (error) {
        if (output?.failure !== undefined) throw error; // the next could not be written either
        signal?.throwIfAborted();
        const reason = reasonOf(error, input);
        unreadable.push({ input, reason });
        say(`${reason}; skipped`);
      }
      onEvent?.({ type: "progress", what: "predicting", done: i + 1, total: inputs.length });
    }
    const summary = await finish(say);
    await output?.place();
    return { ...(output !== undefined && { outDir: output.folder }), ...summary, unreadable };
  } catch (error) {
    if (output !== undefined) await endEarly(output, () => finish(() => undefined));
    throw error;
  }
}

async function endEarly(output: OutputFolder, finish: () => Promise<unknown>): Promise<void> {
  if (output.failure === undefined) {
    await finish();
    await output.place();
  } else if (output.replaces) await output.discard();
  else await finish().catch(() => undefined); // as much as can be written
}

/** Never rejects, because nothing awaits it yet: a failure is part of its result. */
async function decoded(input: string | undefined, options: ReadImageOptions): Promise<() => Image | undefined> {
  try {
    const image = input === undefined ? undefined : await readImage(input, options);
    return () => image;
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
