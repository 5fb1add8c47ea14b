import { startPool } from "../threads.js";
import type { Curves } from "./accumulate.js";
import type { ObjectColumns } from "./columns.js";
import type { DetectionTable } from "./tables.js";
import {
  type DetectionsTask,
  type JudgeTask,
  judgePart,
  type ObjectsTask,
  readDetections,
  readObjects,
} from "./tasks.js";

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
      return next; // one after the other: each holds its piece of the file
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
