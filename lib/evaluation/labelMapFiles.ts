import { readdir } from "node:fs/promises";
import { basename, join, sep } from "node:path";
import { UserError } from "../errors.js";
import { describeFileError } from "../files.js";
import { decodeLabelMap } from "../images/decode.js";
import {
  type ConfusionMatrix,
  type CounterOptions,
  confusionCounter,
  emptyConfusion,
  mergeConfusions,
} from "../metrics/labels/confusion.js";
import { type SegmentationFigures, segmentationFigures } from "../metrics/labels/figures.js";
import { defaultThreads, startPool } from "../threads.js";

/** The folders that `evaluateLabelMaps` compares, and how. */
export interface EvaluateLabelMapsOptions extends Omit<CounterOptions, "classes"> {
  /** Folder of predicted label maps: PNGs with the names and subfolders of the annotations. */
  readonly predictions: string;
  /** Folder of true label maps. Each must have a prediction. */
  readonly annotations: string;
  /** Names in order of the class indices. Default: "class 0" to the highest index that occurs. */
  readonly classes?: readonly string[];
  /** The file that the names are from, for messages. */
  readonly classesFrom?: string;
  /** Refuse more names than label maps and predictions use: usually the names are shifted. Default false. */
  readonly refuseUnusedNames?: boolean;
  /** How annotation names end; predictions have ".png" instead. Default ".png". */
  readonly annotationSuffix?: string;
  readonly predictionSuffix?: string;
  /** Default: as many as the processor can run at once; one if there are few maps. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Metrics of label maps, 0 … 1, and the pixels they were counted from. */
export interface LabelMapsEvaluation extends SegmentationFigures {
  readonly images: number;
  readonly classes: readonly string[];
  readonly confusion: ConfusionMatrix;
}

/** One image's files. */
export interface LabelMapPair {
  readonly prediction: string;
  readonly label: string;
}

export interface CountTask {
  readonly pairs: readonly LabelMapPair[];
  readonly options: CounterOptions;
}

const PAIRS_PER_TASK = 8;
const WORTH_THREADS = 4 * PAIRS_PER_TASK;
const MOST_CLASSES = 255;

/**
 * mIoU and related metrics over folders of label maps (8-bit PNGs with one channel).
 *
 * @throws UserError naming the file that is missing, not a label map, of another size, or has a class out of range; the
 *   signal's reason when aborted
 */
export async function evaluateLabelMaps(options: EvaluateLabelMapsOptions): Promise<LabelMapsEvaluation> {
  const { ignoreIndex, reduceZeroLabel, otherSize, signal } = options;
  const mostClasses = options.classes?.length ?? MOST_CLASSES;
  checkClassCount(mostClasses, options.classesFrom ?? "classes");
  const pairs = await findPairs(options);
  const counter: CounterOptions = {
    classes: mostClasses,
    ...(ignoreIndex !== undefined && { ignoreIndex }),
    ...(reduceZeroLabel !== undefined && { reduceZeroLabel }),
    ...(otherSize !== undefined && { otherSize }),
  };
  const tasks: CountTask[] = [];
  for (let i = 0; i < pairs.length; i += PAIRS_PER_TASK) {
    tasks.push({ pairs: pairs.slice(i, i + PAIRS_PER_TASK), options: counter });
  }
  const threads = options.threads ?? (pairs.length < WORTH_THREADS ? 1 : defaultThreads());
  const pool = threads === 1 ? undefined : startPool(new URL("./worker.js", import.meta.url), threads, signal);
  try {
    let confusion = emptyConfusion(mostClasses);
    let done = 0;
    const coming = tasks.map((task) => pool?.run<ConfusionMatrix>("labelMaps", task));
    for (const part of coming) part?.catch(() => undefined); // reported when its turn comes
    for (const [i, task] of tasks.entries()) {
      signal?.throwIfAborted();
      confusion = mergeConfusions(confusion, await (coming[i] ?? countLabelMaps(task)));
      done += task.pairs.length;
      options.onProgress?.(done, pairs.length);
    }
    const used = withoutLastUnused(confusion);
    if (options.classes === undefined) confusion = used;
    else if (options.refuseUnusedNames === true) checkNames(options.classes, used.classes, options);
    const classes = options.classes ?? Array.from({ length: confusion.classes }, (_, k) => `class ${k}`);
    return { ...segmentationFigures(confusion), images: pairs.length, classes, confusion };
  } finally {
    await pool?.close();
  }
}

/** @param where the names stand */
function checkClassCount(count: number, where: string): void {
  if (count > 0 && count <= MOST_CLASSES) return;
  const names = count === 0 ? "there are no class names" : `there are ${count} class names`;
  throw new UserError(`${where}: ${names}, but label maps of 8 bits hold 1 to ${MOST_CLASSES} classes`);
}

function checkNames(
  names: readonly string[],
  used: number,
  { annotations, reduceZeroLabel }: EvaluateLabelMapsOptions,
): void {
  if (names.length <= used) return;
  const first = reduceZeroLabel === true ? 1 : 0;
  throw new UserError(
    `${annotations}: the highest label is ${used - 1 + first}, but of the ${names.length} class names ${names[0]} is that of ${first} and ` +
      `${names.at(-1)} that of ${names.length - 1 + first}; is a name too many at the beginning` +
      `${first === 1 ? ", or --reduce-zero-label" : ""}? If these maps have none of ${names.slice(used).join(", ")}, give the ` +
      "names as a table by --object-info, which may have more",
  );
}

/** Leaves out the classes after the last one that is labelled or predicted. */
function withoutLastUnused({ classes, counts, ignored }: ConfusionMatrix): ConfusionMatrix {
  let used = 1;
  counts.forEach((n, i) => {
    if (n > 0) used = Math.max(used, 1 + Math.floor(i / classes), 1 + (i % classes));
  });
  const kept = Float64Array.from(
    { length: used * used },
    (_, i) => counts[Math.floor(i / used) * classes + (i % used)]!,
  );
  return { classes: used, counts: kept, ignored };
}

/** Counts some images. */
export async function countLabelMaps({ pairs, options }: CountTask): Promise<ConfusionMatrix> {
  const counter = confusionCounter(options);
  for (const { prediction, label } of pairs) {
    const [found, truth] = [await decodeLabelMap(prediction), await decodeLabelMap(label)];
    counter.add(found, truth, prediction);
  }
  return counter.matrix();
}

async function findPairs(options: EvaluateLabelMapsOptions): Promise<LabelMapPair[]> {
  const { predictions, annotations, annotationSuffix = ".png", predictionSuffix = ".png" } = options;
  const truths = (await listFiles(annotations)).filter((name) => name.endsWith(annotationSuffix)).sort();
  if (truths.length === 0) {
    throw new UserError(`${annotations}: there are no label maps (*${annotationSuffix}) in this folder`);
  }
  const found = new Set(await listFiles(predictions));
  const nameOf = (truth: string) => truth.slice(0, truth.length - annotationSuffix.length) + predictionSuffix;
  const missing = truths.filter((name) => !found.has(nameOf(name)));
  if (missing.length > 0) {
    const more = missing.length > 1 ? ` (and ${missing.length - 1} more)` : "";
    throw new UserError(
      `${join(predictions, nameOf(missing[0]!))}: the prediction for ${join(annotations, missing[0]!)} is missing${more}`,
    );
  }
  return truths.map((name) => ({ prediction: join(predictions, nameOf(name)), label: join(annotations, name) }));
}

/** Files under a folder, by path within it, without hidden ones. */
async function listFiles(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder, { recursive: true });
    return names.filter((name) => !basename(name).startsWith(".")).map((name) => name.split(sep).join("/"));
  } catch (error) {
    throw describeFileError(error, folder, "read");
  }
}
