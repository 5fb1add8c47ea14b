import { firstLabel } from "../../datasets/classNumbers.js";
import type { LabelMapsEvaluation } from "../../evaluation/labelMapFiles.js";
import { type Context, printResult, type SharedOptions } from "../context.js";
import { classNames } from "../data/source.js";
import { showing } from "../progress.js";
import { metricsTable, table } from "../table.js";
import { textLines, wholeNumber } from "./lists.js";

export interface LabelMapFlags extends SharedOptions {
  readonly annotations: string;
  readonly predictions: string;
  readonly classes?: string;
  readonly objectInfo?: string;
  readonly ignoreIndex?: string;
  readonly reduceZeroLabel?: true;
  readonly resize?: true;
  readonly annotationSuffix?: string;
  readonly predictionSuffix?: string;
  readonly threads?: string;
}

/** What `evaluate --predictions` prints with --json; every value is 0 … 1. */
export interface LabelMapReport {
  readonly images: number;
  readonly ignoredPixels: number;
  readonly metrics: Readonly<Record<"mIoU" | "mAcc" | "aAcc" | "mDice" | "mFscore" | "mPrecision", number | null>>;
  /** null if a class has no pixels. */
  readonly perClass: readonly {
    readonly name: string;
    /** The value of the class in the label maps. */
    readonly label: number;
    readonly metrics: Readonly<Record<(typeof CLASS_FIGURES)[number][0], number | null>>;
  }[];
}

const CLASS_FIGURES = [
  ["IoU", "iou"],
  ["Acc", "acc"],
  ["Dice", "dice"],
  ["Fscore", "fscore"],
  ["Precision", "precision"],
] as const;

/** Judges a folder of label maps. */
export async function evaluateLabelMaps(flags: LabelMapFlags, context: Context): Promise<void> {
  const { annotations, predictions, objectInfo, annotationSuffix, predictionSuffix } = flags;
  const listed = flags.classes === undefined ? undefined : await textLines(flags.classes);
  const classes = await classNames({ classes: listed, objectInfo });
  const classesFrom = flags.classes ?? objectInfo;
  const evaluation = await showing(context, async ({ signal, onEvent }) =>
    context.api.evaluation.labelMaps({
      annotations,
      predictions,
      ...(classes !== undefined && { classes, refuseUnusedNames: objectInfo === undefined }),
      ...(classesFrom !== undefined && { classesFrom }),
      ...(flags.ignoreIndex !== undefined && { ignoreIndex: wholeNumber(flags.ignoreIndex, "--ignore-index", 0, 255) }),
      ...(flags.reduceZeroLabel && { reduceZeroLabel: true }),
      ...(flags.resize && { otherSize: "resize" as const }),
      ...(annotationSuffix !== undefined && { annotationSuffix }),
      ...(predictionSuffix !== undefined && { predictionSuffix }),
      ...(flags.threads !== undefined && { threads: wholeNumber(flags.threads, "--threads", 1, 1024) }),
      signal,
      onProgress: (done, total) => onEvent({ type: "progress", what: "counting", done, total }),
    }),
  );
  const report = reportOf(evaluation, firstLabel(flags.reduceZeroLabel));
  printResult(context, flags, report, () => describe(report));
}

function reportOf(evaluation: LabelMapsEvaluation, first: number): LabelMapReport {
  const { images, confusion, classes, perClass, ...figures } = evaluation;
  const { mIoU, mAcc, aAcc, mDice, mFscore, mPrecision } = figures;
  return {
    images,
    ignoredPixels: confusion.ignored,
    metrics: {
      mIoU: defined(mIoU),
      mAcc: defined(mAcc),
      aAcc: defined(aAcc),
      mDice: defined(mDice),
      mFscore: defined(mFscore),
      mPrecision: defined(mPrecision),
    },
    perClass: classes.map((name, k) => {
      const own = CLASS_FIGURES.map(([figure, key]) => [figure, defined(perClass[key][k]!)]);
      return { name, label: k + first, metrics: Object.fromEntries(own) };
    }),
  };
}

const defined = (value: number): number | null => (Number.isFinite(value) ? value : null);

function describe({ metrics, perClass }: LabelMapReport): string {
  const cell = (value: number | null) => (value === null ? "–" : value.toFixed(4));
  const names = CLASS_FIGURES.map(([name]) => name);
  const rows = perClass.map((row) => [row.name, `${row.label}`, ...names.map((name) => cell(row.metrics[name]))]);
  const means = Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, value ?? Number.NaN]));
  return `${metricsTable(means)}\n\n${table([["class", "label", ...names], ...rows])}`;
}
