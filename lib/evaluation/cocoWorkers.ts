import type { CocoAnnotation, CocoResult } from "../coco/entries.js";
import { type JsonPiece, readJsonPiece } from "../jsonfiles/lists.js";
import { boundedWork, WORK_VARIABLE, type Work } from "../masks/work.js";
import { type Curves, emptyCurves, grown } from "../metrics/coco/accumulate.js";
import type { CocoFrame } from "../metrics/coco/frame.js";
import { type JudgeInput, judgeClasses } from "../metrics/coco/judging.js";
import { overlapTarget } from "../metrics/coco/overlaps.js";
import { detectionColumns, objectColumns } from "../metrics/coco/reading.js";
import type { ClassRows } from "../metrics/coco/rows.js";
import type {
  ComparedWith,
  DetectionTable,
  EvaluationType,
  GroundTruthTable,
  ObjectColumns,
} from "../metrics/coco/tables.js";
import { startPool } from "../threads.js";

// The tasks of worker threads. Tables are in shared memory, so that a task is small.

export interface ObjectsTask {
  readonly path: string;
  readonly piece: JsonPiece;
  readonly frame: CocoFrame;
  readonly type: EvaluationType;
}

/** Parses some of a file's annotations. */
export async function readObjects({ path, piece, frame, type }: ObjectsTask): Promise<ObjectColumns> {
  const annotations = await readJsonPiece(path, piece); // checked one by one
  return objectColumns(annotations as CocoAnnotation[], piece.first, frame, type, workOf(piece));
}

export interface DetectionsTask {
  readonly path: string;
  readonly piece: JsonPiece;
  readonly frame: CocoFrame;
  readonly truth: GroundTruthTable;
  readonly comparedWith: ComparedWith;
}

/** Parses some of a file's results, and compares their masks with the ground truth's. */
export async function readDetections(task: DetectionsTask): Promise<DetectionTable> {
  const { path, piece, frame, truth, comparedWith } = task;
  const results = await readJsonPiece(path, piece); // checked one by one
  const target = truth.masks && overlapTarget(truth, comparedWith);
  return detectionColumns(results as CocoResult[], piece.first, frame, target, workOf(piece));
}

/** How much work the masks of a piece may take. */
function workOf({ start, end }: JsonPiece): Work {
  const work = boundedWork(process.env[WORK_VARIABLE]);
  work.addFile(end - start);
  return work;
}

export interface JudgeTask {
  readonly input: JudgeInput;
  readonly classes: readonly ClassRows[];
}

/** Judges some categories; category k of the answer is the k-th of them. */
export function judgePart({ input, classes }: JudgeTask): Curves {
  const curves = emptyCurves(input.options, classes.length);
  judgeClasses(input, classes, curves);
  return grown(curves);
}

/** Where the work is done: in threads, or here. */
export interface Workers {
  readonly threads: number;
  objects(task: ObjectsTask): Promise<ObjectColumns>;
  detections(task: DetectionsTask): Promise<DetectionTable>;
  judge(task: JudgeTask): Promise<Curves>;
  close(): Promise<void>;
}

/** @param threads 1: no threads are started */
export function startWorkers(threads: number, signal?: AbortSignal): Workers {
  if (threads === 1) {
    let last: Promise<unknown> = Promise.resolve();
    const one = <T>(work: () => T | Promise<T>): Promise<T> => {
      const next = last.then(() => {
        signal?.throwIfAborted();
        return work();
      });
      last = next.catch(() => undefined);
      return next; // one after the other, because each holds its piece of the file
    };
    return {
      threads,
      objects: (task) => one(() => readObjects(task)),
      detections: (task) => one(() => readDetections(task)),
      judge: (task) => one(() => judgePart(task)),
      close: async () => undefined,
    };
  }
  const pool = startPool(new URL("./worker.js", import.meta.url), threads, signal);
  return {
    threads,
    objects: (task) => pool.run("objects", task),
    detections: (task) => pool.run("detections", task),
    judge: (task) => pool.run("judge", task),
    close: () => pool.close(),
  };
}
