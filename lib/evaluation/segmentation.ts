import { UserError } from "../errors.js";

/** One class index a pixel, row-major. */
export interface ClassMap {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** How often a pixel of one class was predicted as another. Never changed once made. */
export interface ConfusionMatrix {
  readonly classes: number;
  /** [classes, classes] pixels by label (rows) and prediction (columns). */
  readonly counts: Float64Array;
  /** Pixels left out because their label is "ignore". */
  readonly ignored: number;
}

export interface ConfusionOptions {
  readonly prediction: ClassMap;
  readonly label: ClassMap;
  readonly classes: number;
  /** Pixels with this label are left out. Default 255. */
  readonly ignoreIndex?: number;
  /** Label 0 means "no class" and is left out, the others go down by one. Default false. */
  readonly reduceZeroLabel?: boolean;
  /** What to do with a prediction of another size than the label: resize it (nearest), or refuse. Default `refuse`. */
  readonly otherSize?: "refuse" | "resize";
  /** Names the picture in error messages. */
  readonly where?: string;
}

export function emptyConfusion(classes: number): ConfusionMatrix {
  return { classes, counts: new Float64Array(classes * classes), ignored: 0 };
}

/**
 * Counts one picture.
 *
 * @throws UserError where the sizes differ (see `otherSize`) or a class index is out of range
 */
export function confusionOf(options: ConfusionOptions): ConfusionMatrix {
  const { label, classes, ignoreIndex = 255, reduceZeroLabel = false, where = "picture" } = options;
  const pairs = countPairs(label.data, fitPrediction(options, where).data);
  const counts = new Float64Array(classes * classes); // [label, prediction]
  let ignored = 0;
  for (let value = 0; value < 256; value++) {
    const row = pairs.subarray(value * 256, value * 256 + 256);
    const pixels = row.reduce((a, b) => a + b, 0);
    if (pixels === 0) continue;
    const trueClass = reduceZeroLabel ? value - 1 : value;
    if (value === ignoreIndex || trueClass < 0 || trueClass === ignoreIndex) {
      ignored += pixels;
      continue;
    }
    if (trueClass >= classes) throw new UserError(outOfRange(where, "label", trueClass, classes));
    const predicted = row.findLastIndex((count) => count > 0);
    if (predicted >= classes) throw new UserError(outOfRange(where, "prediction", predicted, classes));
    counts.set(row.subarray(0, classes), trueClass * classes);
  }
  return { classes, counts, ignored };
}

/** [256, 256] how often each pair of bytes occurs; no branch in the loop, whatever is ignored. */
function countPairs(labels: Uint8Array, predictions: Uint8Array): Uint32Array {
  const pairs = new Uint32Array(65536);
  for (let i = 0; i < labels.length; i++) pairs[(labels[i]! << 8) | predictions[i]!]!++;
  return pairs;
}

function fitPrediction({ prediction, label, otherSize = "refuse" }: ConfusionOptions, where: string): ClassMap {
  if (prediction.width === label.width && prediction.height === label.height) return prediction;
  if (otherSize === "resize") return resizeNearest(prediction, label.width, label.height);
  throw new UserError(
    `${where}: the prediction has ${prediction.width} × ${prediction.height} pixels (width × height), ` +
      `the label map ${label.width} × ${label.height}; bring them to one size, or ask for predictions to be resized`,
  );
}

/** Each pixel takes the class of the source pixel its centre falls into. */
function resizeNearest(map: ClassMap, width: number, height: number): ClassMap {
  const columns = Int32Array.from({ length: width }, (_, x) => Math.floor(((x + 0.5) * map.width) / width));
  const data = new Uint8Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * map.height) / height) * map.width;
    for (let x = 0; x < width; x++) data[i++] = map.data[row + columns[x]!]!;
  }
  return { width, height, data };
}

function outOfRange(where: string, what: string, index: number, classes: number): string {
  return (
    `${where}: the ${what} map holds class ${index}, but there are ${classes} classes (0 … ${classes - 1}); ` +
    "check the number of classes, and reduceZeroLabel if label 0 means no class"
  );
}

/** The counts of both. */
export function mergeConfusions(a: ConfusionMatrix, b: ConfusionMatrix): ConfusionMatrix {
  if (a.classes !== b.classes) {
    throw new UserError(`confusion matrices of ${a.classes} and ${b.classes} classes cannot be merged`);
  }
  return { classes: a.classes, counts: a.counts.map((n, i) => n + b.counts[i]!), ignored: a.ignored + b.ignored };
}

/** Figures of each class [classes], NaN where it is undefined. */
export interface ClassFigures {
  /** Intersection over union. */
  readonly iou: Float64Array;
  /** Share of the class's pixels that were found; the recall. */
  readonly acc: Float64Array;
  /** Share of the pixels predicted as the class that are. */
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

/** The figures of MMSegmentation's `mIoU`, `mDice` and `mFscore` metrics. */
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
