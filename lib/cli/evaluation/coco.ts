import { UserError } from "../../errors.js";
import type { CategoryFigures, CocoEvaluation } from "../../metrics/coco/evaluate.js";
import { formatRows } from "../../metrics/coco/summary.js";
import type { EvaluationType } from "../../metrics/coco/tables.js";
import { type Context, printResult, type SharedOptions } from "../context.js";
import { showing } from "../progress.js";
import { table } from "../table.js";
import { areaRanges, idList, numberList, wholeNumber } from "./lists.js";

export interface CocoFlags extends SharedOptions {
  readonly annotations: string;
  readonly results: string;
  readonly type?: EvaluationType;
  readonly iou?: string;
  readonly maxDetections?: string;
  readonly areas?: string;
  readonly classAgnostic?: true;
  readonly categories?: string;
  readonly images?: string;
  readonly threads?: string;
}

/** What `evaluate --results` prints with --json; every value is 0 … 1, or −1 where undefined. */
export interface CocoReport {
  readonly type: EvaluationType;
  /** pycocotools' 12 metrics in its order. */
  readonly stats: readonly number[];
  readonly perCategory: readonly CategoryFigures[];
  /** What lowers the metrics without being an error; also printed on stderr. */
  readonly remarks: readonly string[];
}

/** Pieces of files; fewer are read in a moment and need no progress bar. */
const WORTH_SHOWING = 10;

/** Judges a COCO results file. */
export async function evaluateCoco(flags: CocoFlags, context: Context): Promise<void> {
  const { annotations, results, type } = flags;
  if (type === undefined) throw new UserError("--type is missing: bbox to compare boxes, segm to compare masks", 2);
  const evaluation = await showing(context, async ({ signal, onEvent }) =>
    context.api.evaluation.coco({
      annotations,
      results,
      type,
      ...(flags.iou !== undefined && { iouThresholds: numberList(flags.iou, "--iou") }),
      ...(flags.maxDetections !== undefined && {
        maxDetections: numberList(flags.maxDetections, "--max-detections"),
      }),
      ...(flags.areas !== undefined && { areaRanges: areaRanges(flags.areas) }),
      ...(flags.classAgnostic && { useCategories: false }),
      ...(flags.categories !== undefined && { categories: flags.categories.split(",").map((name) => name.trim()) }),
      ...(flags.images !== undefined && { imageIds: await idList(flags.images, "--images") }),
      ...(flags.threads !== undefined && { threads: wholeNumber(flags.threads, "--threads", 1, 1024) }),
      signal,
      onProgress: (done, total) => {
        if (total >= WORTH_SHOWING) onEvent({ type: "progress", what: "reading", done, total });
      },
    }),
  );
  const { stats, categories, remarks } = evaluation;
  for (const remark of remarks) context.stderr.write(`note: ${remark}\n`);
  const report: CocoReport = { type, stats, perCategory: categories, remarks };
  printResult(context, flags, report, () => describe(evaluation));
}

function describe({ rows, options, categories }: CocoEvaluation): string {
  const summary = formatRows(rows, options.iouThresholds);
  if (!options.useCategories) return summary;
  const figures = categories.map(({ name, ap, ap50, ap75, ar }) => [name, ...[ap, ap50, ap75, ar].map(percent)]);
  return `${summary}\n\n${table([["category", "AP", "AP50", "AP75", "AR"], ...figures])}`;
}

const percent = (value: number): string => (value < 0 ? "–" : value.toFixed(3));
