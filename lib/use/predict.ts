import { join } from "node:path";
import { requireOptions } from "../arguments.js";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { describeFileError, makeFolder, refuseExisting } from "../files.js";
import { decodeImage } from "../images/decode.js";
import { findImages } from "../inference/findImages.js";
import type { Predictor } from "../inference/predictor.js";
import type { Image } from "../pixels/image.js";
import type { ProgressEvent } from "../progress.js";
import { kindOf, MODEL_KINDS } from "../tasks/kinds.js";
import type { PredictionChoices, PredictionSummary } from "../tasks/predictions.js";
import { openPredictor } from "./openPredictor.js";

export interface PredictOptions {
  readonly config: Config;
  /** A weights file, a checkpoint's folder, or a run's folder (its best weights). */
  readonly weights: string;
  /** Files, folders or glob patterns. */
  readonly inputs: readonly string[];
  readonly outDir: string;
  /** Overwrite earlier predictions in `outDir`; default false, which makes them an error. */
  readonly force?: boolean;
  /** A COCO file; the results get its ids. Default: images are numbered. */
  readonly annotations?: string;
  /**
   * Objects below this score are not drawn; default 0.3. Objects below the config's score threshold are never found.
   */
  readonly drawThreshold?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

export interface PredictResult extends PredictionSummary {
  readonly outDir: string;
  /** The inputs that were skipped because they could not be read, predicted or written, with the reason. */
  readonly unreadable: readonly UnreadableImage[];
}

export interface UnreadableImage {
  readonly input: string;
  readonly reason: string;
}

/**
 * Predicts images and writes overlays and, by task, `results.json` (COCO results; `images.json` names the image of each
 * image id: that of `annotations`, or 1, 2, … in the order of prediction), label maps or `classes.json`. An image that
 * cannot be read, predicted or written, for whatever reason, is skipped with a message and listed in the result. If it
 * ends early, the results so far are written.
 *
 * @throws UserError when an input matches no image, the folder already has predictions, or results cannot be written;
 *   the signal's reason when aborted
 */
export async function predictFiles(options: PredictOptions): Promise<PredictResult> {
  requireOptions("predictFiles", options, { config: "config", inputs: "paths", outDir: "path" });
  const { config, outDir, annotations, drawThreshold } = options;
  checkScore(drawThreshold);
  const { predictions } = kindOf(config);
  const choices = predictions.choose(config, {
    ...(annotations !== undefined && { annotations }),
    ...(drawThreshold !== undefined && { drawThreshold }),
  });
  refuseExisting(predictionPaths(outDir), options.force);
  const inputs = await findImages(options.inputs);
  const predictor = await openPredictor(config, options.weights, (text) =>
    options.onEvent?.({ type: "message", text }),
  );
  try {
    return await predictInputs(predictor, inputs, { ...options, choices });
  } finally {
    await predictor.dispose();
  }
}

function checkScore(score: number | undefined): void {
  if (score === undefined || (score >= 0 && score <= 1)) return;
  throw new UserError(`the draw threshold must lie in 0–1, not ${score}`, 2);
}

/** The paths that predictions of any task may be written to. */
function predictionPaths(outDir: string): readonly string[] {
  const outputs = Object.values(MODEL_KINDS).flatMap(({ predictions }) => predictions.outputs);
  return ["overlays", ...new Set(outputs)].map((name) => join(outDir, name));
}

export interface PredictInputsOptions extends Pick<PredictOptions, "outDir" | "signal" | "onEvent"> {
  /** Its data section says how images are decoded. */
  readonly config: { readonly data: Pick<Config["data"], "codec"> };
  readonly choices: PredictionChoices;
}

/** `predictFiles` with an existing predictor. @param inputs paths of images */
export async function predictInputs(
  predictor: Predictor,
  inputs: readonly string[],
  options: PredictInputsOptions,
): Promise<PredictResult> {
  const { outDir, choices, signal, onEvent } = options;
  const { codec } = options.config.data;
  const say = (text: string): void => onEvent?.({ type: "message", text });
  signal?.throwIfAborted();
  const { description } = predictor;
  const writer = await kindOf(predictor).predictions.writer({ ...choices, description, outDir, inputs });
  await makeOutput(outDir);
  const unreadable: UnreadableImage[] = [];
  try {
    let next = decode(inputs[0], codec);
    for (const [i, input] of inputs.entries()) {
      signal?.throwIfAborted();
      const decoded = next;
      next = decode(inputs[i + 1], codec); // while this one is predicted
      try {
        const image = (await decoded)();
        if (image !== undefined) await writer.write(input, image, await predictor.predict(image, input));
      } catch (error) {
        const reason = reasonOf(error, input);
        unreadable.push({ input, reason });
        say(`${reason}; skipped`);
      }
      onEvent?.({ type: "progress", what: "predicting", done: i + 1, total: inputs.length });
    }
  } catch (error) {
    await writer.finish(() => undefined);
    throw error;
  }
  return { outDir, ...(await writer.finish(say)), unreadable };
}

async function makeOutput(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (error) {
    throw describeFileError(error, folder, "write");
  }
}

/** Never rejects, because nothing awaits it yet: a failure is part of its result. */
async function decode(input: string | undefined, codec: Config["data"]["codec"]): Promise<() => Image | undefined> {
  try {
    const image = input === undefined ? undefined : await decodeImage(input, { codec });
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
