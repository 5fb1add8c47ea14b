import { accumulator, type GrowingCurves } from "./accumulate.js";
import {
  type ClassVerdicts,
  emptyCase,
  emptyMatches,
  type ImageCase,
  type Matches,
  matchDetections,
  reachable,
  resizeCase,
  THRESHOLDS_PER_WORD,
} from "./matching.js";
import type { ResolvedCocoOptions } from "./options.js";
import { type ImageRows, iouFiller } from "./overlaps.js";
import type { ClassRows } from "./rows.js";
import type { DetectionTable, EvaluationType, GroundTruthTable } from "./tables.js";

export interface JudgeInput {
  readonly type: EvaluationType;
  readonly groundTruth: GroundTruthTable;
  readonly detections: DetectionTable;
  readonly options: ResolvedCocoOptions;
}

/** How one image's D detections of a category fared against its G objects, in one area range. */
export interface ImageMatches {
  readonly imageId: number;
  /** −1 where categories are not looked at. */
  readonly categoryId: number;
  /** Index into the area ranges. */
  readonly areaRange: number;
  /** [D] by descending score. */
  readonly detectionIds: Float64Array;
  /** [D] rows of the detection table. */
  readonly detectionRows: Int32Array;
  readonly scores: Float64Array;
  /** [G] those that count come first. */
  readonly groundTruthIds: Float64Array;
  /** [G] rows of the ground truth's table. */
  readonly groundTruthRows: Int32Array;
  readonly groundTruthIgnored: Uint8Array;
  /** [D, G] */
  readonly ious: Float64Array;
  /** [T, D] id of the matched object, 0 where there is none. */
  readonly detectionMatches: Float64Array;
  /** [T, D] 1 where a detection counts neither as right nor as wrong. */
  readonly detectionIgnored: Uint8Array;
  /** [T, G] id of the matched detection, 0 where there is none. */
  readonly groundTruthMatches: Float64Array;
}

/** Judges the classes and writes their entries, class k at index k. Matches are appended to `kept`, if given. */
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

/**
 * Matches categories one after the other. The verdicts are in memory that the next call reuses.
 *
 * @param capacity the most detections a category has
 * @param kept matches are appended to it, if given
 */
function classJudge(input: JudgeInput, capacity: number, kept?: ImageMatches[]): (rows: ClassRows) => ClassVerdicts {
  const { groundTruth, detections: table, options, type } = input;
  const { areaRanges, iouThresholds } = options;
  const limit = options.maxDetections.at(-1)!;
  const lowest = reachable(Math.min(...iouThresholds));
  const fillIous = iouFiller(type, groundTruth, table, !options.useCategories);
  const space = emptyCase();
  const found = emptyVerdicts(capacity, options);
  const { scores, ranks, positives } = found;
  const place = new Int32Array(table.scores.length); // index of a detection among its class's verdicts
  const matches = emptyMatches(kept !== undefined);

  function load(rows: ImageRows): void {
    const { detectionCount: D, objectCount: G } = rows;
    resizeCase(space, D, G);
    for (let g = 0; g < G; g++) {
      const row = rows.objects[rows.firstObject + g]!;
      space.objectAreas[g] = groundTruth.areas[row]!;
      space.objectIds[g] = groundTruth.ids[row]!;
      space.crowd[g] = groundTruth.crowd[row]!;
    }
    fillIous(rows, space.ious);
    space.reaching = 0;
    for (let d = 0; d < D; d++) {
      space.detectionAreas[d] = table.areas[rows.detections[rows.firstDetection + d]!]!;
      let best = 0;
      for (let i = d * G; i < (d + 1) * G; i++) if (space.ious[i]! > best) best = space.ious[i]!;
      space.reaches[d] = G > 0 && best >= lowest ? 1 : 0;
      space.reaching += space.reaches[d]!;
    }
  }

  return ({ objects, detections, ranked, categoryId }) => {
    positives.fill(0);
    const rows = { objects, detections, firstObject: 0, objectCount: 0, firstDetection: 0, detectionCount: 0 };
    let count = 0;
    for (let g = 0, d = 0; g < objects.length || d < detections.length; ) {
      const imageOfObject = g < objects.length ? groundTruth.image[objects[g]!]! : Number.POSITIVE_INFINITY;
      const imageOfDetection = d < detections.length ? table.image[detections[d]!]! : Number.POSITIVE_INFINITY;
      const image = Math.min(imageOfObject, imageOfDetection);
      rows.firstObject = g;
      while (g < objects.length && groundTruth.image[objects[g]!] === image) g++;
      rows.objectCount = g - rows.firstObject;
      rows.firstDetection = d;
      for (; d < detections.length && table.image[detections[d]!] === image; d++) place[detections[d]!] = -1;
      rows.detectionCount = Math.min(limit, d - rows.firstDetection);
      load(rows);
      for (let rank = 0; rank < rows.detectionCount; rank++) {
        const row = detections[rows.firstDetection + rank]!;
        scores[count + rank] = table.scores[row]!;
        ranks[count + rank] = rank;
        place[row] = count + rank;
      }
      for (let a = 0; a < areaRanges.length; a++) {
        positives[a]! += matchDetections(space, a, options, matches, found, count);
        kept?.push(recordMatches({ input, image, categoryId, areaRange: a, rows, case: space, matches, found, count }));
      }
      count += rows.detectionCount;
    }
    found.count = count;
    for (let i = 0, length = 0; i < ranked.length; i++) {
      const position = place[ranked[i]!]!;
      if (position >= 0) found.ranked[length++] = position;
    }
    return found;
  };
}

function emptyVerdicts(capacity: number, { areaRanges, iouThresholds }: ResolvedCocoOptions): ClassVerdicts {
  const words = Math.ceil(iouThresholds.length / THRESHOLDS_PER_WORD);
  return {
    count: 0,
    scores: new Float64Array(capacity),
    ranks: new Int32Array(capacity),
    ranked: new Int32Array(capacity),
    right: new Int32Array(areaRanges.length * words * capacity), // [A, W, capacity]
    ignored: new Int32Array(areaRanges.length * words * capacity),
    words,
    capacity,
    positives: new Int32Array(areaRanges.length),
  };
}

interface JudgedImage {
  readonly input: JudgeInput;
  /** Index into `imageIds`. */
  readonly image: number;
  readonly categoryId: number;
  readonly areaRange: number;
  readonly rows: ImageRows;
  readonly case: ImageCase;
  readonly matches: Matches;
  readonly found: ClassVerdicts;
  /** Where in the verdicts the image's detections begin. */
  readonly count: number;
}

/** Copies an image's matches out of the working space. */
function recordMatches(judged: JudgedImage): ImageMatches {
  const { input, rows, matches } = judged;
  const { groundTruth, detections, options } = input;
  const T = options.iouThresholds.length;
  const { detectionCount: D, objectCount: G } = rows;
  const order = matches.order.subarray(0, G);
  const detectionRows = rows.detections.slice(rows.firstDetection, rows.firstDetection + D);
  const groundTruthRows = order.map((g) => rows.objects[rows.firstObject + g]!);
  const groundTruthMatches = new Float64Array(T * G); // [T, G]
  const ious = new Float64Array(D * G); // [D, G]
  order.forEach((g, k) => {
    for (let d = 0; d < D; d++) ious[d * G + k] = judged.case.ious[d * G + g]!;
    for (let t = 0; t < T; t++) {
      const d = matches.objectMatches[t * G + g]!;
      groundTruthMatches[t * G + k] = d < 0 ? 0 : detections.ids[detectionRows[d]!]!;
    }
  });
  return {
    imageId: groundTruth.imageIds[judged.image]!,
    categoryId: judged.categoryId,
    areaRange: judged.areaRange,
    detectionIds: Float64Array.from(detectionRows, (d) => detections.ids[d]!),
    detectionRows,
    scores: Float64Array.from(detectionRows, (d) => detections.scores[d]!),
    groundTruthIds: Float64Array.from(groundTruthRows, (g) => groundTruth.ids[g]!),
    groundTruthRows,
    groundTruthIgnored: Uint8Array.from(order, (g) => matches.objectIgnored[g]!),
    ious,
    detectionMatches: Float64Array.from(matches.detectionMatches.subarray(0, T * D), (g) =>
      g < 0 ? 0 : groundTruth.ids[rows.objects[rows.firstObject + g]!]!,
    ),
    detectionIgnored: ignoredOf(judged, T, D),
    groundTruthMatches,
  };
}

function ignoredOf({ found, areaRange, count }: JudgedImage, T: number, D: number): Uint8Array {
  const ignored = new Uint8Array(T * D); // [T, D]
  for (let t = 0; t < T; t++) {
    const word = (areaRange * found.words + (t >> 5)) * found.capacity + count;
    for (let d = 0; d < D; d++) ignored[t * D + d] = (found.ignored[word + d]! >>> (t & 31)) & 1;
  }
  return ignored;
}
