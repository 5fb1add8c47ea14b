import { emptyMatches, type Matches, type MatchInput, matchDetections } from "./matching.js";
import type { ResolvedCocoOptions } from "./options.js";
import { fillIous, type PictureRows } from "./overlaps.js";
import type { DetectionTable, EvaluationType, GroundTruthTable } from "./tables.js";

export const WRONG = 0;
export const RIGHT = 1;
export const IGNORED = 2;

/** What became of one category's n detections. */
export interface ClassVerdicts {
  readonly count: number;
  /** [n] */
  readonly scores: Float64Array;
  /** [n] 0 for a picture's best detection of the category, and so on. */
  readonly ranks: Int32Array;
  /** [A, T, capacity], capacity ≥ n: WRONG, RIGHT or IGNORED. */
  readonly verdicts: Uint8Array;
  readonly capacity: number;
  /** [A] objects to be found. */
  readonly positives: Int32Array;
  /** Per area range and picture, where matches are kept. */
  readonly pictures: readonly PictureMatches[][];
}

/** How one picture's detections of a category fared in one area range. */
export interface PictureMatches {
  readonly imageId: number;
  /** −1 where categories are not looked at. */
  readonly categoryId: number;
  /** Index into the area ranges. */
  readonly areaRange: number;
  /** [D] by falling score. */
  readonly detectionIds: Float64Array;
  readonly scores: Float64Array;
  /** [G] those that count first. */
  readonly groundTruthIds: Float64Array;
  readonly groundTruthIgnored: Uint8Array;
  /** [T, D] id of the matched object, 0 where there is none. */
  readonly detectionMatches: Float64Array;
  readonly detectionIgnored: Uint8Array;
  /** [T, G] id of the matched detection, 0 where there is none. */
  readonly groundTruthMatches: Float64Array;
}

export interface JudgeInput {
  readonly type: EvaluationType;
  readonly groundTruth: GroundTruthTable;
  readonly detections: DetectionTable;
  readonly options: ResolvedCocoOptions;
}

/**
 * Matches one category, picture by picture.
 *
 * @param objects,detections the category's table rows in order of pictures
 * @param categoryId what kept matches are filed under
 */
export function judgeClass(
  input: JudgeInput,
  objects: Int32Array,
  detections: Int32Array,
  categoryId: number,
): ClassVerdicts {
  const { groundTruth, detections: table, options } = input;
  const judge = pictureJudge(input, detections.length, categoryId);
  for (let g = 0, d = 0; g < objects.length || d < detections.length; ) {
    const imageOfObject = g < objects.length ? groundTruth.image[objects[g]!]! : Number.POSITIVE_INFINITY;
    const imageOfDetection = d < detections.length ? table.image[detections[d]!]! : Number.POSITIVE_INFINITY;
    const image = Math.min(imageOfObject, imageOfDetection);
    const firstObject = g;
    while (g < objects.length && groundTruth.image[objects[g]!] === image) g++;
    const firstDetection = d;
    while (d < detections.length && table.image[detections[d]!] === image) d++;
    const best = bestFirst(detections.subarray(firstDetection, d), table.scores, options.maxDetections.at(-1)!);
    judge.add(image, { detections: best, objects: objects.subarray(firstObject, g) });
  }
  return judge.result();
}

/** The rows with the highest scores, equal scores in their given order. */
function bestFirst(rows: Int32Array, scores: Float64Array, limit: number): Int32Array {
  for (let i = 1; i < rows.length; i++) {
    if (scores[rows[i]!]! <= scores[rows[i - 1]!]!) continue;
    return rows
      .slice()
      .sort((a, b) => scores[b]! - scores[a]!)
      .subarray(0, limit);
  }
  return rows.subarray(0, limit);
}

function pictureJudge(
  { type, groundTruth, detections: table, options }: JudgeInput,
  capacity: number,
  category: number,
) {
  const { areaRanges, iouThresholds, keepMatches } = options;
  const T = iouThresholds.length;
  const scores = new Float64Array(capacity);
  const ranks = new Int32Array(capacity);
  const verdicts = new Uint8Array(areaRanges.length * T * capacity); // [A, T, capacity]
  const positives = new Int32Array(areaRanges.length);
  const pictures: PictureMatches[][] = areaRanges.map(() => []);
  const matches = emptyMatches();
  let ious = new Float64Array(256);
  let count = 0;

  function add(image: number, rows: PictureRows): void {
    const D = rows.detections.length;
    const G = rows.objects.length;
    if (ious.length < D * G) ious = new Float64Array(2 * D * G);
    fillIous(type, rows, groundTruth, table, ious);
    const crowd = new Uint8Array(G);
    for (let g = 0; g < G; g++) crowd[g] = groundTruth.crowd[rows.objects[g]!]!;
    const match: MatchInput = {
      detections: D,
      objects: G,
      ious,
      detectionAreas: gather(table.areas, rows.detections),
      objectAreas: gather(groundTruth.areas, rows.objects),
      objectIds: gather(groundTruth.ids, rows.objects),
      crowd,
    };
    for (let d = 0; d < D; d++) {
      scores[count + d] = table.scores[rows.detections[d]!]!;
      ranks[count + d] = d;
    }
    areaRanges.forEach(({ low, high }, a) => {
      matchDetections(match, low, high, iouThresholds, matches);
      for (let g = 0; g < G; g++) if (matches.objectIgnored[g] === 0) positives[a]!++;
      writeVerdicts(matches, D, T, verdicts, a * T * capacity + count, capacity);
      if (!keepMatches) return;
      pictures[a]!.push(keep({ image, category, areaRange: a, rows, matches, thresholds: T }, groundTruth, table));
    });
    count += D;
  }

  return { add, result: (): ClassVerdicts => ({ count, scores, ranks, verdicts, capacity, positives, pictures }) };
}

function gather(values: Float64Array, rows: Int32Array): Float64Array {
  const gathered = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) gathered[i] = values[rows[i]!]!;
  return gathered;
}

function writeVerdicts(matches: Matches, D: number, T: number, verdicts: Uint8Array, first: number, stride: number) {
  const { detectionMatches, detectionIgnored } = matches;
  for (let t = 0; t < T; t++) {
    for (let d = 0; d < D; d++) {
      const i = t * D + d;
      const verdict = detectionIgnored[i] === 1 ? IGNORED : detectionMatches[i]! >= 0 ? RIGHT : WRONG;
      verdicts[first + t * stride + d] = verdict;
    }
  }
}

interface Kept {
  readonly image: number;
  readonly category: number;
  readonly areaRange: number;
  readonly rows: PictureRows;
  readonly matches: Matches;
  readonly thresholds: number;
}

/** Copies a picture's matches out of the working space, as ids. */
function keep(kept: Kept, groundTruth: GroundTruthTable, table: DetectionTable): PictureMatches {
  const { rows, matches, thresholds: T } = kept;
  const D = rows.detections.length;
  const G = rows.objects.length;
  const objectId = (g: number) => (g < 0 ? 0 : groundTruth.ids[rows.objects[g]!]!);
  const detectionId = (d: number) => (d < 0 ? 0 : table.ids[rows.detections[d]!]!);
  const order = matches.order.subarray(0, G);
  const groundTruthMatches = new Float64Array(T * G); // [T, G]
  for (let t = 0; t < T; t++) {
    order.forEach((g, k) => {
      groundTruthMatches[t * G + k] = detectionId(matches.objectMatches[t * G + g]!);
    });
  }
  return {
    imageId: groundTruth.imageIds[kept.image]!,
    categoryId: kept.category,
    areaRange: kept.areaRange,
    detectionIds: gather(table.ids, rows.detections),
    scores: gather(table.scores, rows.detections),
    groundTruthIds: Float64Array.from(order, objectId),
    groundTruthIgnored: Uint8Array.from(order, (g) => matches.objectIgnored[g]!),
    detectionMatches: Float64Array.from(matches.detectionMatches.subarray(0, T * D), objectId),
    detectionIgnored: matches.detectionIgnored.slice(0, T * D),
    groundTruthMatches,
  };
}
