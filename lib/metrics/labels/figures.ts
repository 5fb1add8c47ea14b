import type { ConfusionMatrix } from "./confusion.js";

/** Metrics of each class [classes], NaN where undefined. */
export interface ClassFigures {
  /** Intersection over union. */
  readonly iou: Float64Array;
  /** Share of the class's pixels that were found; the recall. */
  readonly acc: Float64Array;
  /** Share of the pixels predicted as the class that are of the class. */
  readonly precision: Float64Array;
  readonly dice: Float64Array;
  /** Harmonic mean of precision and recall: as `dice`, but undefined where both are 0. */
  readonly fscore: Float64Array;
}

/** 0 … 1; the means leave undefined classes out. */
export interface SegmentationFigures {
  readonly mIoU: number;
  readonly mAcc: number;
  /** Share of all pixels predicted right. */
  readonly aAcc: number;
  readonly mDice: number;
  readonly mFscore: number;
  readonly mPrecision: number;
  readonly perClass: ClassFigures;
}

/** The values of MMSegmentation's `mIoU`, `mDice` and `mFscore` metrics. */
export function segmentationFigures({ classes, counts }: ConfusionMatrix): SegmentationFigures {
  const labelled = new Float64Array(classes);
  const predicted = new Float64Array(classes);
  counts.forEach((n, i) => {
    labelled[Math.floor(i / classes)]! += n;
    predicted[i % classes]! += n;
  });
  const right = labelled.map((_, k) => counts[k * classes + k]!);
  const acc = right.map((n, k) => n / labelled[k]!);
  const precision = right.map((n, k) => n / predicted[k]!);
  const iou = right.map((n, k) => n / (labelled[k]! + predicted[k]! - n));
  const dice = right.map((n, k) => (2 * n) / (labelled[k]! + predicted[k]!));
  const fscore = precision.map((p, k) => (2 * p * acc[k]!) / (p + acc[k]!));
  return {
    mIoU: meanOfDefined(iou),
    mAcc: meanOfDefined(acc),
    aAcc: sum(right) / sum(labelled),
    mDice: meanOfDefined(dice),
    mFscore: meanOfDefined(fscore),
    mPrecision: meanOfDefined(precision),
    perClass: { iou, acc, precision, dice, fscore },
  };
}

function sum(values: Float64Array): number {
  return values.reduce((a, b) => a + b, 0);
}

function meanOfDefined(values: Float64Array): number {
  const defined = values.filter((v) => !Number.isNaN(v));
  return sum(defined) / defined.length;
}
