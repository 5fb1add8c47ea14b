import { answerOf } from "../../threads.js";
import { type BatchTask, makeBatch } from "./makeBatch.js";

/** Called in a worker thread; the batch's arrays are moved, not copied. */
export const answer = (task: BatchTask): Promise<object> =>
  answerOf(
    () => makeBatch(task),
    ({ images }) => [images],
  );
