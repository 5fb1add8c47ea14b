import { answering, answerOf } from "../../threads.js";
import { type BatchTask, makeBatch } from "./makeBatch.js";

/** The batch's arrays are moved, not copied. */
export default answering({
  answer: (task: BatchTask) =>
    answerOf(
      () => makeBatch(task),
      ({ images }) => [images],
    ),
});
