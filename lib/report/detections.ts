import { join } from "node:path";
import type { DetectionConfig } from "../config/schema.js";
import type { DetectionDataset } from "../datasets/types.js";
import { type CocoTables, outlineCocoFiles, readCocoFiles } from "../evaluation/cocoReading.js";
import { startWorkers } from "../evaluation/cocoWorkers.js";
import { type AssignedImage, assignImages } from "../metrics/coco/assignment.js";
import { type DetectionConfusion, detectionConfusion } from "../metrics/coco/confusion.js";
import { breakDownErrors, type ErrorBreakdown } from "../metrics/coco/errorKinds.js";
import { type CocoEvaluation, evaluateTables } from "../metrics/coco/evaluate.js";
import {
  bestOperatingPoint,
  type ImageScore,
  imageScores,
  type OperatingPoint,
  operatingPoint,
  operatingPoints,
  worstImages,
} from "../metrics/coco/operatingPoints.js";
import type { EvaluationType } from "../metrics/coco/tables.js";
import { cocoSource, openSource } from "../tasks/sources.js";
import type { StoredEvaluation } from "./run.js";
import type { ReportOptions } from "./types.js";

/** The analysis of boxes, or of masks. */
export interface TypeAnalysis extends CocoTables {
  readonly type: EvaluationType;
  readonly evaluation: CocoEvaluation;
  /** At the report's IoU threshold. */
  readonly images: readonly AssignedImage[];
  readonly errors: ErrorBreakdown;
}

export interface DetectionAnalysis {
  readonly dataset: DetectionDataset;
  /** Boxes, then masks if there are any. */
  readonly types: readonly TypeAnalysis[];
  /** The type by which the rest is judged. */
  readonly main: TypeAnalysis;
  readonly iouThreshold: number;
  /** One for each score that occurs. */
  readonly points: readonly OperatingPoint[];
  readonly chosen: OperatingPoint;
  readonly confusion: DetectionConfusion;
  readonly worst: readonly ImageScore[];
}

/** Used if nothing was detected at all. */
const DEFAULT_SCORE = 0.5;

/** @throws UserError when annotations or results cannot be read */
export async function analyseDetections(
  stored: StoredEvaluation,
  config: DetectionConfig,
  options: ReportOptions,
): Promise<DetectionAnalysis> {
  const { iouThreshold = 0.5 } = options;
  const classes = stored.perClass.map(({ name }) => name);
  const dataset = await openSource(await cocoSource(config, "val", classes));
  const kinds: readonly EvaluationType[] = "maskAP" in stored.metrics ? ["bbox", "segm"] : ["bbox"];
  const types: TypeAnalysis[] = [];
  for (const type of kinds) {
    const tables = await readTables(stored, dataset, type, options);
    const images = assignImages({ ...tables, type, iouThreshold });
    const errors = breakDownErrors(images, { ...tables, type, iouThreshold });
    types.push({ ...tables, type, evaluation: evaluateTables({ ...tables, type }), images, errors });
  }
  const main = types.find(({ type }) => type === options.type) ?? types.at(-1)!;
  const { groundTruth, detections, images } = main;
  const points = operatingPoints(images, groundTruth, detections);
  const scoreThreshold = options.scoreThreshold ?? bestOperatingPoint(points)?.score ?? DEFAULT_SCORE;
  const scores = imageScores(images, groundTruth, detections, scoreThreshold);
  const total = (key: "right" | "wrong" | "missed") => scores.reduce((sum, score) => sum + score[key], 0);
  return {
    dataset,
    types,
    main,
    iouThreshold,
    points,
    chosen: operatingPoint(scoreThreshold, total("right"), total("wrong"), total("right") + total("missed")),
    confusion: detectionConfusion(images, { ...main, iouThreshold, scoreThreshold }),
    worst: worstImages(scores, options.worst ?? 8),
  };
}

export const resultsFile = (folder: string, type: EvaluationType): string => join(folder, `results.${type}.json`);

async function readTables(
  { folder }: StoredEvaluation,
  dataset: DetectionDataset,
  type: EvaluationType,
  { signal, onEvent }: ReportOptions,
): Promise<CocoTables> {
  const reading = {
    annotations: dataset.annotations,
    results: resultsFile(folder, type),
    type,
    comparedWith: "image",
    imageIds: dataset.images.map(({ id }) => id),
    categoryIds: [...dataset.categoryIds],
    withoutMask: "ignore",
    signal,
    onProgress: (done: number, total: number) => onEvent?.({ type: "progress", what: "reading results", done, total }),
  } as const;
  const workers = startWorkers(1, signal);
  try {
    return await readCocoFiles(await outlineCocoFiles(reading), reading, workers);
  } finally {
    await workers.close();
  }
}
