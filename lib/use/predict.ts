import { requireOptions } from "../arguments.js";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { decodeImage } from "../images/decode.js";
import { findImages } from "../inference/findImages.js";
import type { Predictor } from "../inference/predictor.js";
import { OutputFolder } from "../outputFolder.js";
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
  /** Replace the predictions written into `outDir` before; default false, which makes them an error. */
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
  /** The inputs that were skipped because they could not be read or predicted, with the reason. */
  readonly unreadable: readonly UnreadableImage[];
}

export interface UnreadableImage {
  readonly input: string;
  readonly reason: string;
}

/**
 * Predicts images and writes overlays and, by task, `results.json` (COCO results; `images.json` names the image of each
 * image id: that of `annotations`, or 1, 2, … in the order of prediction), label maps or `classes.json`. An image that
 * cannot be read or predicted, for whatever reason, is skipped with a message and listed in the result. If it ends early,
 * the results so far are written; but if it ends because a file cannot be written, predictions that `force` would have
 * replaced are kept.
 *
 * @throws UserError when an input matches no image, something is in the way in the folder, or results cannot be written;
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
  const output = await OutputFolder.claim({
    maker: "predict",
    folder: outDir,
    names: PREDICTION_NAMES,
    force: options.force,
    straight: true,
  });
  const inputs = await findImages(options.inputs);
  const predictor = await openPredictor(config, options.weights, (text) =>
    options.onEvent?.({ type: "message", text }),
  );
  try {
    return await predictInputs(predictor, inputs, { ...options, output, choices });
  } finally {
    await predictor.dispose();
  }
}

function checkScore(score: number | undefined): void {
  if (score === undefined || (score >= 0 && score <= 1)) return;
  throw new UserError(`the draw threshold must lie in 0–1, not ${score}`, 2);
}

/** The names of files that predictions of any task may be written to. */
export const PREDICTION_NAMES: readonly string[] = [
  "overlays/",
  ...new Set(Object.values(MODEL_KINDS).flatMap(({ predictions }) => predictions.outputs)),
];

export interface PredictInputsOptions extends Pick<PredictOptions, "signal" | "onEvent"> {
  readonly output: OutputFolder;
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
  const { output, choices, signal, onEvent } = options;
  const { codec } = options.config.data;
  const say = (text: string): void => onEvent?.({ type: "message", text });
  signal?.throwIfAborted();
  const { description } = predictor;
  const writer = await kindOf(predictor).predictions.writer({ ...choices, description, output, inputs });
  await output.begin(inputs);
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
        if (output.failure !== undefined) throw error; // the next could not be written either
        const reason = reasonOf(error, input);
        unreadable.push({ input, reason });
        say(`${reason}; skipped`);
      }
      onEvent?.({ type: "progress", what: "predicting", done: i + 1, total: inputs.length });
    }
    const summary = await writer.finish(say);
    await output.place();
    return { outDir: output.folder, ...summary, unreadable };
  } catch (error) {
    await endEarly(output, writer);
    throw error;
  }
}

async function endEarly(
  output: OutputFolder,
  writer: { readonly finish: (say: () => void) => Promise<unknown> },
): Promise<void> {
  if (output.failure === undefined) {
    await writer.finish(() => undefined);
    await output.place();
  } else if (output.replaces) await output.discard();
  else await writer.finish(() => undefined).catch(() => undefined); // as much as can be written
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
