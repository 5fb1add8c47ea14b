import { fallingOrder, groupRows } from "./rows.js";

/** Detections as points of precision-recall curves, in the order in which equal scores are ranked. */
export interface Points {
  readonly count: number;
  add(classIndex: number, score: number, right: boolean): void;
  append(other: Points): void;
  /** The same points with scores that depend on whether they are right. */
  withScores(score: (right: boolean) => number): Points;
  columns(): { readonly classes: Int32Array; readonly scores: Float64Array; readonly right: Uint8Array };
}

/** @param capacity the largest number of points */
export function emptyPoints(capacity: number): Points {
  const classes = new Int32Array(capacity);
  const scores = new Float64Array(capacity);
  const rights = new Uint8Array(capacity);
  let count = 0;
  const points: Points = {
    get count() {
      return count;
    },
    add(classIndex, score, right) {
      classes[count] = classIndex;
      scores[count] = score;
      rights[count++] = right ? 1 : 0;
    },
    append(other) {
      const columns = other.columns();
      columns.classes.forEach((k, i) => {
        points.add(k, columns.scores[i]!, columns.right[i] === 1);
      });
    },
    withScores(score) {
      const changed = emptyPoints(count);
      for (let i = 0; i < count; i++) changed.add(classes[i]!, score(rights[i] === 1), rights[i] === 1);
      return changed;
    },
    columns: () => ({
      classes: classes.subarray(0, count),
      scores: scores.subarray(0, count),
      right: rights.subarray(0, count),
    }),
  };
  return points;
}

/**
 * The mean average precision of the classes that have objects or detections, 0 … 1; a class without objects has 0.
 *
 * @param positives [K] objects to be found
 * @returns undefined where there is no such class
 */
export function meanAp(points: Points, positives: Int32Array): number | undefined {
  const { classes, scores, right } = points.columns();
  const groups = groupRows(classes, positives.length, fallingOrder(scores));
  let sum = 0;
  let judged = 0;
  positives.forEach((wanted, k) => {
    const ranked = groups.rows.subarray(groups.starts[k], groups.starts[k + 1]);
    if (ranked.length === 0 && wanted === 0) return;
    judged++;
    if (wanted > 0) sum += averagePrecision(ranked, right, wanted);
  });
  return judged === 0 ? undefined : sum / judged;
}

const RECALLS = 100;

/** The mean over recalls 0, 0.01 … 1 of the best precision at that recall or a higher one. */
function averagePrecision(ranked: Int32Array, right: Uint8Array, positives: number): number {
  const precision = new Float64Array(ranked.length);
  const recall = new Float64Array(ranked.length);
  let rights = 0;
  ranked.forEach((point, i) => {
    rights += right[point]!;
    precision[i] = rights / (i + 1);
    recall[i] = rights / positives;
  });
  for (let i = ranked.length - 1; i > 0; i--) precision[i - 1] = Math.max(precision[i - 1]!, precision[i]!);
  let sum = 0;
  for (let r = 0, i = 0; r <= RECALLS; r++) {
    while (i < ranked.length && recall[i]! < r / RECALLS) i++;
    if (i < ranked.length) sum += precision[i]!;
  }
  return sum / (RECALLS + 1);
}
