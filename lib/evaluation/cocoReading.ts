import type { CocoImage } from "../coco/entries.js";
import { UserError } from "../errors.js";
import { type JsonOutline, type JsonPiece, outlineJson, readJsonPiece } from "../jsonfiles/lists.js";
import { type CocoFrame, type JudgedSubset, readFrame } from "../metrics/coco/frame.js";
import { overlapTarget } from "../metrics/coco/overlaps.js";
import { detectionColumns, objectColumns } from "../metrics/coco/reading.js";
import {
  type ComparedWith,
  type DetectionTable,
  type EvaluationType,
  type GroundTruthTable,
  joinDetections,
  joinObjects,
} from "../metrics/coco/tables.js";
import { shared } from "../threads.js";
import type { Workers } from "./cocoWorkers.js";
import { checkPredictedImages } from "./predictedImages.js";

export interface CocoReading extends JudgedSubset {
  /** A COCO instances file and a COCO results file. */
  readonly annotations: string;
  readonly results: string;
  readonly type: EvaluationType;
  readonly comparedWith: ComparedWith;
  readonly signal?: AbortSignal | undefined;
  /** Number of pieces of the files parsed so far, and of all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Files are parsed in pieces of about this many bytes; default 4 MiB. */
  readonly pieceBytes?: number;
}

export interface CocoTables {
  readonly groundTruth: GroundTruthTable;
  readonly detections: DetectionTable;
}

export interface CocoOutlines {
  readonly annotations: JsonOutline;
  readonly results: JsonOutline;
}

/** @throws UserError when a file cannot be read or is not a COCO file of its kind */
export async function outlineCocoFiles({ annotations, results, ...options }: CocoReading): Promise<CocoOutlines> {
  const truth = await outlineJson(annotations, options);
  if (truth.root === "list") {
    throw new UserError(
      `${annotations}: this file holds a list, but a COCO instances file is an object with images, annotations and categories`,
    );
  }
  for (const name of ["images", "annotations", "categories"]) {
    if (!truth.lists.has(name)) {
      throw new UserError(`${annotations}: the list "${name}" is missing; is this a COCO instances file?`);
    }
  }
  const found = await outlineJson(results, options);
  if (found.root === "object") {
    const hint = found.lists.has("annotations") ? "this is an annotation file" : "this file holds an object";
    throw new UserError(`${results}: a COCO results file holds a list of results, but ${hint}`);
  }
  return { annotations: truth, results: found };
}

/**
 * Reads both files piece by piece into columns; neither is ever in memory as a whole.
 *
 * @throws UserError naming file and annotation or result where one is malformed or unknown
 */
export async function readCocoFiles(
  outlines: CocoOutlines,
  { type, comparedWith, onProgress, ...reading }: CocoReading,
  workers: Workers,
): Promise<CocoTables> {
  const { annotations, results } = outlines;
  const total = [annotations, results].reduce((sum, { lists }) => sum + [...lists.values()].flat().length, 0);
  let done = 0;
  const each = <T>(outline: JsonOutline, list: string, work: (piece: JsonPiece) => Promise<T>): Promise<T[]> =>
    inOrder(
      outline.lists.get(list)!.map(async (piece) => {
        const columns = await named(outline.path, () => work(piece));
        onProgress?.(++done, total);
        return columns;
      }),
    );
  const list = async (name: string) => {
    const values: unknown[] = [];
    for (const piece of annotations.lists.get(name)!) {
      for (const value of await readJsonPiece(annotations.path, piece)) values.push(value);
      onProgress?.(++done, total);
    }
    return values;
  };
  const images = await list("images");
  const categories = await list("categories");
  await checkPredictedImages({ annotations: annotations.path, results: results.path }, images);
  const [frame, judged] = await named(annotations.path, () =>
    readFrame({ images: images as CocoImage[], categories: categories as { id: number; name: string }[] }, reading),
  );
  const common = sharedFrame(frame);
  const objects = await each(annotations, "annotations", (piece) =>
    workers.objects({ path: annotations.path, piece, frame: common, type }),
  );
  const none = objectColumns([], 0, frame, type);
  const groundTruth = await named(annotations.path, () => joinObjects([none, ...objects], judged));
  const found = await each(results, "", (piece) =>
    workers.detections({ path: results.path, piece, frame: common, truth: groundTruth, comparedWith }),
  );
  const target = groundTruth.masks && overlapTarget(groundTruth, comparedWith);
  return { groundTruth, detections: joinDetections([detectionColumns([], 0, frame, target), ...found]) };
}

/** Awaits all in turn, so that of several faults the first one in the file is reported. */
async function inOrder<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  for (const promise of promises) promise.catch(() => undefined);
  const values: T[] = [];
  for (const promise of promises) values.push(await promise);
  return values;
}

/** Puts the file's name before a UserError that does not name it. */
async function named<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UserError) || error.message.includes(path)) throw error;
    throw new UserError(`${path}: ${error.message}`, error.exitCode);
  }
}

function sharedFrame(frame: CocoFrame): CocoFrame {
  return {
    imageIds: shared(frame.imageIds),
    imageSizes: shared(frame.imageSizes),
    judgedImages: shared(frame.judgedImages),
    categoryIds: shared(frame.categoryIds),
    judgedCategories: shared(frame.judgedCategories),
    withoutMask: frame.withoutMask,
  };
}
