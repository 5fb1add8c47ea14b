import { parse } from "node:path";
import type { Config } from "../config/schema.js";
import { nearestName, UserError } from "../errors.js";
import { safeName, shortened } from "../fileNames.js";
import { fileNameIn, webAddress } from "../hub/index.js";
import { encodeJpeg } from "../images/encode.js";
import type { CocoSegmentation } from "../masks/coco.js";
import type { OutputFolder } from "../outputFolder.js";
import type { Image } from "../pixels/image.js";
import type { FoundClass } from "./classification/found.js";
import type { ModelDescription } from "./description.js";
import type { FoundInstance } from "./detection/found.js";

/** The files written for an image, and what was found in it. */
export interface PredictedImage {
  readonly input: string;
  readonly width: number;
  readonly height: number;
  /** As in results.json; else images are numbered 1, 2, … in their order. Absent where the annotations do not name the image. */
  readonly id?: number;
  /** The image with what was found drawn over it. */
  readonly overlay?: string;
  /** The class of each pixel as an indexed PNG. */
  readonly labelMap?: string;
  /** An image for each box drawn, the best score first. */
  readonly crops?: readonly string[];
  /** The number of objects found. */
  readonly instances?: number;
  /** The objects, the best score first, where nothing is written. */
  readonly objects?: readonly PredictedObject[];
  /** The likeliest classes of the whole image, the best first. */
  readonly classes?: readonly FoundClass[];
  /** The classes that have pixels, the largest first. */
  readonly shares?: readonly ClassShare[];
}

/** An object found; its mask as in COCO's results. */
export interface PredictedObject extends Omit<FoundInstance, "mask"> {
  readonly segmentation?: CocoSegmentation;
}

/** A class of a label map, and how much of the image it covers. */
export interface ClassShare {
  readonly label: string;
  readonly classIndex: number;
  /** Of the image's pixels, 0 … 1. */
  readonly share: number;
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
  /** Where nothing is written, the score from which on objects are listed. */
  readonly listThreshold?: number;
}

/** Options of `predict` that only some tasks know. */
export interface PredictionChoices {
  /** A COCO file; the results get its ids. */
  readonly annotations?: string;
  /** Objects below this score are not drawn. */
  readonly drawThreshold?: number;
  /** Objects below this score are left out. */
  readonly score?: number;
  /** Objects of other classes are left out. */
  readonly classes?: readonly string[];
  /** Write an image for each box drawn. */
  readonly saveCrops?: boolean;
}

export interface PredictionWriter<Answer> {
  /** Writes the files of one image. */
  write(input: string, image: Image, answer: Answer): Promise<void>;
  /** Writes the files for all images together. @param say is called with remarks for the user */
  finish(say: (text: string) => void): Promise<PredictionSummary>;
}

export interface WriterOptions extends PredictionChoices {
  readonly description: ModelDescription;
  /** Without it, nothing is written: the summary tells what was found. */
  readonly output?: Pick<OutputFolder, "write"> | undefined;
  /** All images to be predicted: paths, addresses, or names. */
  readonly inputs: readonly string[];
}

/** What `predict` writes for a task. */
export interface PredictionsKind<C extends Config, Answer> {
  /** Names of files and, with a / at the end, folders that may be written, besides `overlays/`; the files always are. */
  readonly outputs: readonly string[];
  /** The choices, completed from the config. @throws UserError when one does not apply to the task */
  choose(config: C, choices: PredictionChoices): PredictionChoices;
  /** @throws UserError when the annotations cannot be read or do not match the inputs, or the model has no such class */
  writer(options: WriterOptions): Promise<PredictionWriter<Answer>>;
}

/** How options are called on the command line, and in the API. */
export const OPTION_NAMES: Readonly<Record<keyof PredictionChoices | "force", string>> = {
  annotations: "--annotations (annotations in the API)",
  drawThreshold: "--draw-threshold (drawThreshold in the API)",
  score: "--score (score in the API)",
  classes: "--classes (classes in the API)",
  saveCrops: "--save-crops (saveCrops in the API)",
  force: "--force (force in the API)",
};

/** @throws UserError where a choice about objects is given to a task that finds none */
export function refuseChoices(choices: PredictionChoices, results: string): void {
  const given = (Object.keys(OPTION_NAMES) as (keyof PredictionChoices)[]).find((name) => choices[name] !== undefined);
  if (given === undefined) return;
  throw new UserError(`${OPTION_NAMES[given]} is for models that find objects; this model's results are ${results}`, 2);
}

/** How many of a model's classes a message lists. */
const LISTED = 20;

/** The indices of classes given by name. @throws UserError naming one that the model has not */
export function classIndices(names: readonly string[], classes: readonly string[]): ReadonlySet<number> {
  if (!Array.isArray(names)) {
    throw new UserError(`${OPTION_NAMES.classes}: a list of names is needed, not ${JSON.stringify(names)}`, 2);
  }
  return new Set(
    names.map((name) => {
      const index = classes.indexOf(name);
      if (index >= 0) return index;
      const near = nearestName(name, classes);
      const listed = `its classes: ${classes.slice(0, LISTED).join(", ")}${classes.length > LISTED ? ", …" : ""}`;
      throw new UserError(
        `${OPTION_NAMES.classes}: the model has no class "${name}"; ${near === undefined ? listed : `did you mean "${near}"? ${listed}`}`,
        2,
      );
    }),
  );
}

/** Writes the images that show what was found. */
export function overlayWriter(output: Pick<OutputFolder, "write">, inputs: readonly string[]) {
  const names = outputNames(inputs);
  const crops = uniqueNames();
  return {
    /** An image's name without ending, unique among the inputs. */
    nameOf: (input: string): string => names.get(input)!,
    async write(input: string, drawn: Image): Promise<string> {
      return output.write(`overlays/${names.get(input)}.jpg`, await encodeJpeg(drawn));
    },
    /** Writes a part of an image. @param label what is on it @param number of the object in the image */
    async writeCrop(input: string, part: Image, label: string, number: number): Promise<string> {
      const name = crops(
        `${shortened(names.get(input)!, 120)}-${number}-${shortened(safeName(label), 60) || "object"}`,
      );
      return output.write(`crops/${name}.jpg`, await encodeJpeg(part));
    },
  };
}

/** Makes names unique, also where case does not count. */
function uniqueNames(): (name: string) => string {
  const taken = new Set<string>();
  return (name) => {
    let unique = name;
    for (let i = 2; taken.has(unique.toLowerCase()); i++) unique = `${name}-${i}`;
    taken.add(unique.toLowerCase());
    return unique;
  };
}

/** A name without ending for each image's files, made unique where images of several folders share one. */
function outputNames(inputs: readonly string[]): ReadonlyMap<string, string> {
  const unique = uniqueNames();
  return new Map(inputs.map((input) => [input, unique(stemOf(input))]));
}

function stemOf(input: string): string {
  const url = webAddress(input);
  if (url === undefined) return parse(input).name;
  return parse(shortened(fileNameIn(url)).replace(/^\.+/, "")).name || "image";
}

/** Where an image's files are told: the paths from the folder on. */
export const INDEX_FILE = "index.json";

/** The content of index.json: what was written for which image, so that no name need be guessed. */
export function indexOf(
  images: readonly PredictedImage[],
  pathOf: (file: string) => string,
  files: readonly string[],
): object {
  const listed = images.map(({ input, id, overlay, labelMap, crops }) => ({
    image: input,
    ...(id !== undefined && { id }),
    ...(overlay !== undefined && { overlay: pathOf(overlay) }),
    ...(labelMap !== undefined && { labelMap: pathOf(labelMap) }),
    ...(crops !== undefined && { crops: crops.map(pathOf) }),
  }));
  return { images: listed, files };
}
