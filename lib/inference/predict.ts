import { join, parse } from "node:path";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { describeFileError, makeFolder, writeFileAtomic } from "../files.js";
import { decodePicture } from "../images/decode.js";
import { drawInstances } from "../images/draw/instances.js";
import { classPalette } from "../images/draw/palette.js";
import { drawLabelMap } from "../images/draw/semantic.js";
import { encodeIndexedPng, encodeJpeg } from "../images/encode.js";
import type { Picture } from "../images/picture.js";
import type { ProgressEvent } from "../progress.js";
import { cocoResults } from "../tasks/cocoResults.js";
import { findPictures } from "./findPictures.js";
import { openPredictor, type Predictor } from "./predictor.js";

export interface PredictOptions {
  readonly config: Config;
  /** A weights file, a checkpoint's folder, or a run's folder (its best weights). */
  readonly weights: string;
  /** Files, folders or glob patterns. */
  readonly inputs: readonly string[];
  readonly outDir: string;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

export interface PredictResult {
  readonly outDir: string;
  readonly pictures: readonly PredictedPicture[];
  /** The inputs that were skipped, for they could not be read, predicted or written, and why. */
  readonly unreadable: readonly UnreadablePicture[];
}

export interface UnreadablePicture {
  readonly input: string;
  readonly reason: string;
}

export interface PredictedPicture {
  readonly input: string;
  /** The picture with what was found drawn over it. */
  readonly overlay: string;
  /** The class of each pixel as an indexed PNG. */
  readonly labelMap?: string;
  /** How many objects were found. */
  readonly instances?: number;
}

/**
 * Predicts pictures and writes overlays and, by task, `results.json` (COCO results; `pictures.json` says which picture
 * each image id is: 1, 2, … in the order they are predicted) or label maps. A picture that cannot be read, predicted or
 * written, for whatever reason, is skipped with a message and listed in the result. Where it ends early, what was done till
 * then is written.
 *
 * @throws UserError when an input stands for no picture, or results cannot be written; the signal's reason when aborted
 */
export async function predictFiles(options: PredictOptions): Promise<PredictResult> {
  const { config, outDir, signal, onEvent } = options;
  const inputs = await findPictures(options.inputs);
  const say = (text: string): void => onEvent?.({ type: "message", text });
  const predictor = await openPredictor(config, options.weights, say);
  try {
    await makeOutput(outDir);
    const writer = createWriter(predictor, outDir, outputNames(inputs));
    const unreadable: UnreadablePicture[] = [];
    try {
      let next = decode(inputs[0], config);
      for (const [i, input] of inputs.entries()) {
        signal?.throwIfAborted();
        const decoded = next;
        next = decode(inputs[i + 1], config); // while this one is predicted
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
    return { outDir, pictures, unreadable };
  } finally {
    await predictor.dispose();
  }
}

async function makeOutput(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (error) {
    throw describeFileError(error, folder, "write");
  }
}

/** Never fails, for nobody waits for it yet: the failure is the answer's. */
async function decode(input: string | undefined, { data }: Config): Promise<() => Picture | undefined> {
  try {
    const picture = input === undefined ? undefined : await decodePicture(input, { codec: data.codec });
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

/** A name without ending for each picture's files, made unique where pictures of several folders share one. */
function outputNames(inputs: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  const names = new Map<string, string>();
  for (const input of inputs) {
    const { name } = parse(input);
    let unique = name;
    for (let i = 2; taken.has(unique.toLowerCase()); i++) unique = `${name}-${i}`;
    taken.add(unique.toLowerCase());
    names.set(input, unique);
  }
  return names;
}

interface Writer {
  write(input: string, picture: Picture): Promise<void>;
  /** Writes what belongs to all pictures together. */
  finish(): Promise<readonly PredictedPicture[]>;
}

function createWriter(predictor: Predictor, outDir: string, names: ReadonlyMap<string, string>): Writer {
  const { classes, palette, categoryIds } = predictor.description;
  const style = { classes, palette: palette ?? classPalette(classes.length) };
  const ids = categoryIds ?? classes.map((_, k) => k + 1);
  const done: PredictedPicture[] = [];
  const images: object[] = [];
  const results: object[] = [];
  const writeOverlay = async (input: string, drawn: Picture): Promise<string> => {
    const path = join(outDir, "overlays", `${names.get(input)}.jpg`);
    await writeFileAtomic(path, await encodeJpeg(drawn));
    return path;
  };
  return {
    async write(input, picture) {
      if (predictor.task === "semantic") {
        const map = await predictor.predict(picture, input);
        const labelMap = join(outDir, "labelMaps", `${names.get(input)}.png`);
        await writeFileAtomic(labelMap, encodeIndexedPng(map, style.palette));
        done.push({ input, overlay: await writeOverlay(input, drawLabelMap(picture, map, style)), labelMap });
        return;
      }
      const found = await predictor.predict(picture, input);
      const { width, height } = picture;
      const overlay = await writeOverlay(input, drawInstances(picture, found, style));
      images.push({ id: images.length + 1, file_name: input, width, height });
      for (const result of cocoResults(images.length, found, ids)) results.push(result);
      done.push({ input, overlay, instances: found.labels.length });
    },
    async finish() {
      if (predictor.task === "instances") {
        const categories = classes.map((name, k) => ({ id: ids[k], name }));
        await writeFileAtomic(join(outDir, "results.json"), `${JSON.stringify(results)}\n`);
        await writeFileAtomic(join(outDir, "pictures.json"), `${JSON.stringify({ images, categories })}\n`);
      }
      return done;
    },
  };
}
