import { parse } from "node:path";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { encodeJpeg } from "../images/encode.js";
import type { OutputFolder } from "../outputFolder.js";
import type { Image } from "../pixels/image.js";
import type { FoundClass } from "./classification/found.js";
import type { ModelDescription } from "./description.js";

export interface PredictedImage {
  readonly input: string;
  /** The image with what was found drawn over it. */
  readonly overlay: string;
  /** The class of each pixel as an indexed PNG. */
  readonly labelMap?: string;
  /** The number of objects found. */
  readonly instances?: number;
  /** The likeliest classes of the whole image, the best first. */
  readonly classes?: readonly FoundClass[];
}

/** A summary of predictions; fields that depend on the task are absent for other tasks. */
export interface PredictionSummary {
  readonly images: readonly PredictedImage[];
  /** How results.json is numbered: as the annotations, or 1, 2, … in the order of the images. */
  readonly imageIds?: "annotated" | "counted";
  /** With annotations, the inputs that are not in them; results.json leaves them out. */
  readonly notAnnotated?: readonly string[];
  /** With annotations, the names of their images that were not predicted. */
  readonly notPredicted?: readonly string[];
  /** The score from which on objects are drawn. */
  readonly drawThreshold?: number;
}

/** Options of `predict` that only some tasks know. */
export interface PredictionChoices {
  /** A COCO file; the results get its ids. */
  readonly annotations?: string;
  /** Objects below this score are not drawn. */
  readonly drawThreshold?: number;
}

export interface PredictionWriter<Answer> {
  /** Writes the files of one image. */
  write(input: string, image: Image, answer: Answer): Promise<void>;
  /** Writes the files for all images together. @param say is called with remarks for the user */
  finish(say: (text: string) => void): Promise<PredictionSummary>;
}

export interface WriterOptions extends PredictionChoices {
  readonly description: ModelDescription;
  readonly output: Pick<OutputFolder, "write">;
  /** Paths of all images to be predicted. */
  readonly inputs: readonly string[];
}

/** What `predict` writes for a task. */
export interface PredictionsKind<C extends Config, Answer> {
  /** Names of files and, with a / at the end, folders that may be written, besides `overlays/`. */
  readonly outputs: readonly string[];
  /** The choices, completed from the config. @throws UserError when one does not apply to the task */
  choose(config: C, choices: PredictionChoices): PredictionChoices;
  /** @throws UserError when the annotations cannot be read or do not match the inputs */
  writer(options: WriterOptions): Promise<PredictionWriter<Answer>>;
}

/** @throws UserError where a choice about objects is given to a task that finds none */
export function refuseChoices({ annotations, drawThreshold }: PredictionChoices, results: string): void {
  const given = [
    ...(annotations === undefined ? [] : ["--annotations (annotations in the API)"]),
    ...(drawThreshold === undefined ? [] : ["--draw-threshold (drawThreshold in the API)"]),
  ];
  if (given.length === 0) return;
  throw new UserError(`${given[0]} is for models that find objects; this model's results are ${results}`, 2);
}

/** Writes the images that show what was found. */
export function overlayWriter(output: WriterOptions["output"], inputs: readonly string[]) {
  const names = outputNames(inputs);
  return {
    /** An image's name without ending, unique among the inputs. */
    nameOf: (input: string): string => names.get(input)!,
    async write(input: string, drawn: Image): Promise<string> {
      return output.write(`overlays/${names.get(input)}.jpg`, await encodeJpeg(drawn));
    },
  };
}

/** A name without ending for each image's files, made unique where images of several folders share one. */
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
