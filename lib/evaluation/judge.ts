import { accumulator, type GrowingCurves } from "./accumulate.js";
import type { ImageMatches } from "./imageMatches.js";
import type { JudgeInput } from "./judging.js";
import type { ClassRows } from "./rows.js";
import { classJudge } from "./verdicts.js";

/** Judges the classes and writes their entries, class k at place k. Matches are appended to `kept`, if given. */
export function judgeClasses(
  input: JudgeInput,
  classes: readonly ClassRows[],
  curves: GrowingCurves,
  kept?: ImageMatches[],
): void {
  const capacity = classes.reduce((most, { detections }) => Math.max(most, detections.length), 0);
  const judge = classJudge(input, capacity, kept);
  const accumulate = accumulator(input.options, curves, capacity);
  classes.forEach((rows, k) => {
    accumulate(judge(rows), k);
  });
}
