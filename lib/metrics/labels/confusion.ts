import { UserError } from "../../errors.js";
import { nearestIndices } from "../../pixels/nearest.js";
import { counted, pick } from "../../words.js";

/** One class index per pixel, row-major. */
export interface ClassMap {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** How often a pixel of one class was predicted as another. Immutable. */
export interface ConfusionMatrix {
  readonly classes: number;
  /** [classes, classes] pixels by label (rows) and prediction (columns). */
  readonly counts: Float64Array;
  /** Pixels left out because their label is "ignore". */
  readonly ignored: number;
}

/** A matrix without a pixel in it, to which others can be added. */
export function emptyConfusion(classes: number): ConfusionMatrix {
  return { classes, counts: new Float64Array(classes * classes), ignored: 0 };
}

/** The sum of both. */
export function mergeConfusions(a: ConfusionMatrix, b: ConfusionMatrix): ConfusionMatrix {
  if (a.classes !== b.classes) {
    throw new UserError(`confusion matrices of ${a.classes} and ${b.classes} classes cannot be merged`);
  }
  return { classes: a.classes, counts: a.counts.map((n, i) => n + b.counts[i]!), ignored: a.ignored + b.ignored };
}

/** How predictions are compared with labels. */
export interface CounterOptions {
  readonly classes: number;
  /** Pixels with this label, as stored, are left out. Default 255. */
  readonly ignoreIndex?: number;
  /** Label 0 means "no class" and is left out, the others go down by one. Default false. */
  readonly reduceZeroLabel?: boolean;
  /** What to do with a prediction of another size than the label: resize it (nearest), or refuse. Default `refuse`. */
  readonly otherSize?: "refuse" | "resize";
}

/** A prediction and its label, and how they are compared. */
export interface ConfusionOptions extends CounterOptions {
  readonly prediction: ClassMap;
  readonly label: ClassMap;
  /** Names the image in error messages. */
  readonly where?: string;
}

/** Counts images one after the other. */
export interface ConfusionCounter {
  /**
   * @param where names the image in error messages
   * @throws UserError where the sizes differ (see `otherSize`) or a class index is out of range
   */
  add(prediction: ClassMap, label: ClassMap, where?: string): void;
  /** What was counted so far. */
  matrix(): ConfusionMatrix;
}

const BYTE_VALUES = 256;

/** The counts are exact up to 2⁵³ pixels, and metrics computed from more are still right to 15 digits. */
export function confusionCounter(options: CounterOptions): ConfusionCounter {
  const pairs = new Uint32Array(BYTE_VALUES * BYTE_VALUES); // [label, prediction] of one image
  let total = emptyConfusion(options.classes);
  let pixels = 0;
  const rows = rowReader(options);

  function flush(): void {
    total = rows.addTo(total, pairs);
    pairs.fill(0);
    pixels = 0;
  }

  return {
    add(prediction, label, where = "image") {
      const fitted = fitPrediction(prediction, label, options.otherSize ?? "refuse", where);
      if (pixels + label.data.length > 0xffffffff) flush();
      pixels += label.data.length;
      countPairs(label.data, fitted.data, pairs);
      rows.check(pairs, where);
    },
    matrix() {
      flush();
      return total;
    },
  };
}

/** Counts one image. @throws UserError like a counter's `add` */
export function confusionOf({ prediction, label, where, ...options }: ConfusionOptions): ConfusionMatrix {
  const counter = confusionCounter(options);
  counter.add(prediction, label, where);
  return counter.matrix();
}

/**
 * Adds to `pairs` [256, 256] how often each pair of bytes occurs. Four pixels at a time are compared with the four
 * before: in label maps they are mostly equal, and are then counted together.
 */
function countPairs(labels: Uint8Array, predictions: Uint8Array, pairs: Uint32Array): void {
  const words = labels.length >> 2;
  const a = asWords(labels, words);
  const b = asWords(predictions, words);
  let run = 0;
  for (let i = 0; i < words; i++) {
    run++;
    const labelled = a[i]!;
    const predicted = b[i]!;
    if (labelled === a[i + 1] && predicted === b[i + 1]) continue;
    for (let shift = 0; shift < 32; shift += 8) {
      pairs[(((labelled >>> shift) & 0xff) << 8) | ((predicted >>> shift) & 0xff)]! += run;
    }
    run = 0;
  }
  for (let i = words * 4; i < labels.length; i++) pairs[(labels[i]! << 8) | predictions[i]!]!++;
}

function asWords(bytes: Uint8Array, words: number): Int32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Int32Array(aligned.buffer, aligned.byteOffset, words);
}

/** Tells which rows of counted pairs belong to which class. */
function rowReader({ classes, ignoreIndex = 255, reduceZeroLabel = false }: CounterOptions) {
  const classOf = (value: number): number | undefined => {
    const index = reduceZeroLabel ? value - 1 : value;
    return value === ignoreIndex || index < 0 ? undefined : index;
  };
  const rowOf = (pairs: Uint32Array, value: number) => pairs.subarray(value * BYTE_VALUES, (value + 1) * BYTE_VALUES);
  const isAny = (row: Uint32Array, from: number) => {
    for (let i = from; i < BYTE_VALUES; i++) if (row[i] !== 0) return true;
    return false;
  };
  return {
    check(pairs: Uint32Array, where: string): void {
      for (let value = 0; value < BYTE_VALUES; value++) {
        const index = classOf(value);
        if (index === undefined) continue;
        const row = rowOf(pairs, value);
        const isKnown = index < classes;
        if (!isAny(row, isKnown ? classes : 0)) continue;
        if (!isKnown) throw new UserError(outOfRange(where, "label", index, classes));
        const predicted = row.findLastIndex((count) => count > 0);
        throw new UserError(outOfRange(where, "prediction", predicted, classes));
      }
    },
    addTo(total: ConfusionMatrix, pairs: Uint32Array): ConfusionMatrix {
      const counts = total.counts.slice();
      let { ignored } = total;
      for (let value = 0; value < BYTE_VALUES; value++) {
        const index = classOf(value);
        rowOf(pairs, value).forEach((pixels, predicted) => {
          if (index === undefined) ignored += pixels;
          else if (pixels > 0) counts[index * classes + predicted]! += pixels;
        });
      }
      return { classes, counts, ignored };
    },
  };
}

function fitPrediction(prediction: ClassMap, label: ClassMap, otherSize: "refuse" | "resize", where: string): ClassMap {
  if (prediction.width === label.width && prediction.height === label.height) return prediction;
  if (otherSize === "resize") return resizeNearest(prediction, label.width, label.height);
  throw new UserError(
    `${where}: the prediction has ${prediction.width} × ${prediction.height} pixels (width × height), ` +
      `the label map ${label.width} × ${label.height}; bring them to one size, or ask for predictions to be resized`,
  );
}

function outOfRange(where: string, what: string, index: number, classes: number): string {
  return (
    `${where}: the ${what} map holds class ${index}, but there ${pick(classes, "is", "are")} ${counted(classes, "class", "classes")} (0 … ${classes - 1}); ` +
    "check the number of classes, and reduceZeroLabel if label 0 means no class"
  );
}

/** A class map at another size: each pixel takes the source pixel given by `nearestIndices`. */
export function resizeNearest(map: ClassMap, width: number, height: number): ClassMap {
  const columns = nearestIndices(map.width, width);
  const rows = nearestIndices(map.height, height);
  const data = new Uint8Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    const row = rows[y]! * map.width;
    for (let x = 0; x < width; x++) data[i++] = map.data[row + columns[x]!]!;
  }
  return { width, height, data };
}
