import { accumulateClass, emptyPrecisionRecall, type PrecisionRecall } from "./accumulate.js";
import { type CocoGroundTruth, type CocoResult, detectionTable, groundTruthTable } from "./coco-files.js";
import {
  detectionsFromInstances,
  type EvaluatedDetections,
  type EvaluatedObjects,
  groundTruthFromInstances,
} from "./instances.js";
import { type CocoOptions, type ResolvedCocoOptions, resolveOptions } from "./options.js";
import { formatRows, meanPrecision, meanRecall, type SummaryRow, summarize } from "./summary.js";
import { type DetectionTable, type EvaluationType, type GroundTruthTable, stableOrder } from "./tables.js";
import { judgeClass, type PictureMatches } from "./verdicts.js";

/** Figures of one category, 0 … 1, or −1 where it has no objects. */
export interface CategoryFigures {
  readonly id: number;
  readonly name: string;
  /** Mean over the IoU thresholds and recalls. */
  readonly ap: number;
  /** Mean over the IoU thresholds of the recall reached. */
  readonly ar: number;
}

export interface CocoEvaluation extends PrecisionRecall {
  readonly type: EvaluationType;
  readonly options: ResolvedCocoOptions;
  /** AP, AP50, AP75, AP small, medium, large, AR at the three limits, AR small, medium, large; −1 = undefined. */
  readonly stats: readonly number[];
  /** The same with what each one is. */
  readonly rows: readonly SummaryRow[];
  /** At the first area range and the largest limit. Without categories one entry with id −1. */
  readonly categories: readonly CategoryFigures[];
  /** By category, area range and picture, where `keepMatches` asked for them. Pictures without either are left out. */
  readonly matches: readonly PictureMatches[];
}

export interface EvaluateTablesOptions extends CocoOptions {
  readonly groundTruth: GroundTruthTable;
  readonly detections: DetectionTable;
  readonly type: EvaluationType;
}

/**
 * Average precision and recall by COCO's rules, equal to pycocotools' COCOeval. Within a picture and category, and over
 * all pictures, equal scores keep the order of the table.
 *
 * @throws UserError where an option is out of range, or masks are to be compared and there are none
 */
export function evaluateTables({ groundTruth, detections, type, ...rest }: EvaluateTablesOptions): CocoEvaluation {
  const options = resolveOptions(rest);
  const ids = options.useCategories ? groundTruth.categoryIds : Float64Array.of(-1);
  const arrays = emptyPrecisionRecall(options, ids.length);
  const objectRows = rowsByClass(groundTruth, groundTruth, options.useCategories);
  const detectionRows = rowsByClass(detections, groundTruth, options.useCategories);
  const matches: PictureMatches[] = [];
  ids.forEach((id, k) => {
    const found = judgeClass({ type, groundTruth, detections, options }, objectRows[k]!, detectionRows[k]!, id);
    accumulateClass(found, k, options, arrays);
    for (const pictures of found.pictures) matches.push(...pictures);
  });
  const rows = summarize(arrays, options);
  const stats = rows.map(({ value }) => value);
  return { ...arrays, type, options, rows, stats, categories: categoryFigures(arrays, groundTruth, options), matches };
}

/** Each class's table rows in order of pictures; all rows as one class, by picture and category, without categories. */
function rowsByClass(
  table: { readonly image: Int32Array; readonly category: Int32Array },
  { imageIds, categoryIds }: GroundTruthTable,
  useCategories: boolean,
): Int32Array[] {
  if (!useCategories) {
    return [stableOrder(table.image, imageIds.length, stableOrder(table.category, categoryIds.length))];
  }
  const order = stableOrder(table.category, categoryIds.length, stableOrder(table.image, imageIds.length));
  let start = 0;
  return Array.from(categoryIds, (_, k) => {
    let end = start;
    while (end < order.length && table.category[order[end]!] === k) end++;
    const rows = order.subarray(start, end);
    start = end;
    return rows;
  });
}

function categoryFigures(
  arrays: PrecisionRecall,
  { categoryIds, categoryNames }: GroundTruthTable,
  options: ResolvedCocoOptions,
): CategoryFigures[] {
  const thresholds = [...options.iouThresholds.keys()];
  const limit = options.maxDetections.length - 1;
  return Array.from({ length: arrays.shape[2] }, (_, k) => ({
    id: options.useCategories ? categoryIds[k]! : -1,
    name: options.useCategories ? categoryNames[k]! : "all",
    ap: meanPrecision(arrays, { thresholds, area: 0, limit, category: k }),
    ar: meanRecall(arrays, { thresholds, area: 0, limit, category: k }),
  }));
}

export interface EvaluateCocoOptions extends CocoOptions {
  /** A COCO instances file, parsed. */
  readonly groundTruth: CocoGroundTruth;
  /** A COCO results file, parsed. */
  readonly results: readonly CocoResult[];
  readonly type: EvaluationType;
  /** Judge only these pictures. */
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
  const truth = groundTruthTable(groundTruth, {
    type: rest.type,
    ...(imageIds && { imageIds }),
    ...(categoryIds && { categoryIds }),
  });
  const detections = detectionTable(results, groundTruth, truth, rest.type);
  return evaluateTables({ ...rest, groundTruth: truth, detections });
}

export interface EvaluateInstancesOptions extends CocoOptions {
  readonly groundTruth: readonly EvaluatedObjects[];
  readonly detections: readonly EvaluatedDetections[];
  readonly classes: readonly string[];
  readonly type: EvaluationType;
}

/** Judges detections held in memory, without a detour over COCO's files. Category ids are class indices. */
export function evaluateInstances(options: EvaluateInstancesOptions): CocoEvaluation {
  const { groundTruth, detections, classes, ...rest } = options;
  const truth = groundTruthFromInstances({ pictures: groundTruth, classes, type: rest.type });
  return evaluateTables({
    ...rest,
    groundTruth: truth,
    detections: detectionsFromInstances(detections, truth, rest.type),
  });
}

/** The 12 lines the reference prints. */
export function formatCocoSummary(evaluation: CocoEvaluation): string {
  return formatRows(evaluation.rows, evaluation.options.iouThresholds);
}
