import type { CocoGroundTruth, CocoResult } from "../../coco/entries.js";
import { counted, pick } from "../../words.js";
import { atEveryRecall, type Curves, emptyCurves, type PrecisionRecall } from "./accumulate.js";
import {
  detectionsFromInstances,
  type EvaluatedDetections,
  type EvaluatedObjects,
  groundTruthFromInstances,
} from "./instances.js";
import { type ImageMatches, judgeClasses } from "./judging.js";
import { type CocoOptions, type ResolvedCocoOptions, resolveOptions } from "./options.js";
import { detectionTable, readGroundTruth } from "./reading.js";
import { rowsByClass } from "./rows.js";
import { formatRows, meanPrecision, meanRecall, type SummaryRow, summarize } from "./summary.js";
import type { ComparedWith, DetectionTable, EvaluationType, GroundTruthTable, UnknownCategories } from "./tables.js";

/** Figures of one category, 0 … 1, or −1 where it has no objects. */
export interface CategoryFigures {
  readonly id: number;
  readonly name: string;
  /** Mean over the IoU thresholds and recalls. */
  readonly ap: number;
  /** At IoU 0.5 and 0.75; −1 where these are not among the thresholds. */
  readonly ap50: number;
  readonly ap75: number;
  /** Mean over the IoU thresholds of the recall reached. */
  readonly ar: number;
}

/** Precision and scores at every recall are computed from the curves on first use. */
export interface CocoEvaluation extends PrecisionRecall {
  /** The curves they are computed from, as are the metrics. */
  readonly curves: Curves;
  readonly type: EvaluationType;
  readonly options: ResolvedCocoOptions;
  /** AP, AP50, AP75, AP small, medium, large, AR at the three limits, AR small, medium, large; −1 = undefined. */
  readonly stats: readonly number[];
  /** The same, each with its meaning. */
  readonly rows: readonly SummaryRow[];
  /** At the first area range and the largest limit. With `useCategories` false, one entry with id −1. */
  readonly categories: readonly CategoryFigures[];
  /**
   * By category, area range and image, if `keepMatches` is set. Images with neither objects nor detections are left
   * out.
   */
  readonly matches: readonly ImageMatches[];
  /** What lowers the metrics without being an error, such as results of categories that the ground truth lacks. */
  readonly remarks: readonly string[];
}

export interface EvaluateTablesOptions extends CocoOptions {
  readonly groundTruth: GroundTruthTable;
  readonly detections: DetectionTable;
  readonly type: EvaluationType;
}

/**
 * Average precision and recall by COCO's rules, equal to pycocotools' COCOeval. Within an image and category, and over
 * all images, equal scores keep the order of the table.
 *
 * @throws UserError where an option is out of range, or masks are to be compared and there are none
 */
export function evaluateTables({ groundTruth, detections, type, ...rest }: EvaluateTablesOptions): CocoEvaluation {
  const options = resolveOptions(rest);
  const classes = rowsByClass(groundTruth, detections, options.useCategories);
  const curves = emptyCurves(options, classes.length);
  const matches: ImageMatches[] = [];
  judgeClasses({ type, groundTruth, detections, options }, classes, curves, options.keepMatches ? matches : undefined);
  return finishEvaluation({ curves, groundTruth, detections, type, options, matches });
}

export interface Accumulated {
  readonly curves: Curves;
  readonly groundTruth: GroundTruthTable;
  readonly detections: DetectionTable;
  readonly type: EvaluationType;
  readonly options: ResolvedCocoOptions;
  readonly matches: readonly ImageMatches[];
}

/** Computes the metrics from accumulated curves. */
export function finishEvaluation({ curves, groundTruth, detections, ...rest }: Accumulated): CocoEvaluation {
  const rows = summarize(curves, rest.options);
  const stats = rows.map(({ value }) => value);
  const categories = categoryFigures(curves, groundTruth, rest.options);
  let precision: Float64Array | undefined;
  let scores: Float64Array | undefined;
  return {
    ...rest,
    ...{ curves, shape: curves.shape, recall: curves.recall },
    get precision() {
      precision ??= atEveryRecall(curves, curves.precision);
      return precision;
    },
    get scores() {
      scores ??= atEveryRecall(curves, curves.scores);
      return scores;
    },
    ...{ rows, stats, categories, remarks: remarksOn(groundTruth, detections) },
  };
}

function categoryFigures(
  curves: Curves,
  { categoryIds, categoryNames }: GroundTruthTable,
  options: ResolvedCocoOptions,
): CategoryFigures[] {
  const thresholds = [...options.iouThresholds.keys()];
  const limit = options.maxDetections.length - 1;
  const thresholdAt = (iou: number) => thresholds.filter((t) => options.iouThresholds[t] === iou);
  return Array.from({ length: curves.shape[2] }, (_, k) => ({
    id: options.useCategories ? categoryIds[k]! : -1,
    name: options.useCategories ? categoryNames[k]! : "all",
    ap: meanPrecision(curves, { thresholds, area: 0, limit, category: k }),
    ap50: meanPrecision(curves, { thresholds: thresholdAt(0.5), area: 0, limit, category: k }),
    ap75: meanPrecision(curves, { thresholds: thresholdAt(0.75), area: 0, limit, category: k }),
    ar: meanRecall(curves, { thresholds, area: 0, limit, category: k }),
  }));
}

/** The files that `evaluateCoco` compares, already parsed, and how. */
export interface EvaluateCocoOptions extends CocoOptions {
  /** A COCO instances file, parsed. */
  readonly groundTruth: CocoGroundTruth;
  /** A COCO results file, parsed. */
  readonly results: readonly CocoResult[];
  readonly type: EvaluationType;
  /** Judge only these images. */
  readonly imageIds?: readonly number[];
  /** Judge only these categories. */
  readonly categoryIds?: readonly number[];
}

/**
 * Judges a COCO results file.
 *
 * @throws UserError naming the annotation or result that is malformed or unknown
 */
export function evaluateCoco(options: EvaluateCocoOptions): CocoEvaluation {
  const { groundTruth, results, imageIds, categoryIds, ...rest } = options;
  const [frame, truth] = readGroundTruth(groundTruth, {
    type: rest.type,
    ...(imageIds && { imageIds }),
    ...(categoryIds && { categoryIds }),
  });
  const detections = detectionTable(results, frame, truth, comparisonFor(rest));
  return evaluateTables({ ...rest, groundTruth: truth, detections });
}

/** What masks must be compared with under these options. */
export function comparisonFor({ useCategories }: CocoOptions): ComparedWith {
  return useCategories === false ? "image" : "category";
}

/** The objects and detections that `evaluateInstances` compares, image by image. */
export interface EvaluateInstancesOptions extends CocoOptions {
  readonly groundTruth: readonly EvaluatedObjects[];
  readonly detections: readonly EvaluatedDetections[];
  readonly classes: readonly string[];
  readonly type: EvaluationType;
}

/** Judges detections in memory, without COCO files. Category ids are class indices. */
export function evaluateInstances(options: EvaluateInstancesOptions): CocoEvaluation {
  const { groundTruth, detections, classes, ...rest } = options;
  const truth = groundTruthFromInstances({ images: groundTruth, classes, type: rest.type });
  return evaluateTables({
    ...rest,
    groundTruth: truth,
    detections: detectionsFromInstances(detections, truth, rest.type, comparisonFor(rest)),
  });
}

/** The 12 lines the reference prints. */
export function formatCocoSummary(evaluation: CocoEvaluation): string {
  return formatRows(evaluation.rows, evaluation.options.iouThresholds);
}

/** Categories named in a remark. */
const NAMED = 5;

/**
 * What lowers the metrics without being an error: results that the reference leaves out silently, and objects that it
 * never counts as found.
 */
export function remarksOn(
  groundTruth: GroundTruthTable,
  { unknown, boxes }: Partial<Pick<DetectionTable, "unknown" | "boxes">> = {},
): string[] {
  const remarks: string[] = [];
  const inverted = boxes === undefined ? 0 : countInverted(boxes);
  if (inverted > 0) {
    remarks.push(
      `${counted(inverted, "result")} ${pick(inverted, "has a box", "have boxes")} of negative width or height, which ` +
        `${pick(inverted, "matches", "match")} nothing, as in COCO's reference; bbox is x, y, width, height`,
    );
  }
  const flat = groundTruth.masks === undefined ? countFlat(groundTruth) : 0;
  if (flat > 0) {
    remarks.push(
      `${counted(flat, "object")} of the ground truth ${pick(flat, "has a box", "have boxes")} without width or height, or of ` +
        `negative ones, so that nothing matches ${pick(flat, "it", "them")}; bbox is x, y, width, height`,
    );
  }
  if (unknown !== undefined && unknown.counts.size > 0) remarks.push(aboutUnknown(unknown, groundTruth));
  if (groundTruth.ids.includes(0)) {
    remarks.push(
      'an annotation has the id 0, which COCO\'s reference takes for "no match": its object counts as missed whatever ' +
        "is found, here as there; number annotations from 1",
    );
  }
  return remarks;
}

/** @param boxes [n, 4] x y width height */
function countInverted(boxes: Float64Array): number {
  let count = 0;
  for (let i = 0; i < boxes.length; i += 4) if (boxes[i + 2]! < 0 || boxes[i + 3]! < 0) count++;
  return count;
}

function countFlat({ boxes, crowd }: GroundTruthTable): number {
  let count = 0;
  for (let i = 0; i < crowd.length; i++) {
    if (crowd[i] === 0 && !(boxes[4 * i + 2]! > 0 && boxes[4 * i + 3]! > 0)) count++;
  }
  return count;
}

function aboutUnknown({ of, counts }: UnknownCategories, { categoryIds, categoryNames }: GroundTruthTable): string {
  const mostFirst = [...counts].sort((a, b) => b[1] - a[1]);
  const total = mostFirst.reduce((sum, [, count]) => sum + count, 0);
  const unknown = mostFirst.map(([id, count]) => `${id} (${counted(count, "result")})`);
  const known = Array.from(categoryIds, (id, k) => `${id} (${categoryNames[k]})`);
  return (
    `${total} of ${counted(of, "result")} ${pick(total, "counts", "count")} for nothing, of categories that the ground ` +
    `truth lacks: ${some(unknown)}; judged are the categories ${some(known)}`
  );
}

function some(texts: readonly string[]): string {
  const rest = texts.length > NAMED ? `, … (${texts.length - NAMED} more)` : "";
  return texts.length === 0 ? "none" : texts.slice(0, NAMED).join(", ") + rest;
}
