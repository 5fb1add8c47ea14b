import type { ClassVerdicts, JudgeInput } from "./judging.js";
import type { ImageCase, Matches } from "./matching.js";
import type { ImageRows } from "./overlaps.js";

/** How one image's D detections of a category fared against its G objects, in one area range. */
export interface ImageMatches {
  readonly imageId: number;
  /** −1 where categories are not looked at. */
  readonly categoryId: number;
  /** Index into the area ranges. */
  readonly areaRange: number;
  /** [D] by falling score. */
  readonly detectionIds: Float64Array;
  /** [D] rows of the detection table. */
  readonly detectionRows: Int32Array;
  readonly scores: Float64Array;
  /** [G] those that count first. */
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

export interface JudgedImage {
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
export function recordMatches(judged: JudgedImage): ImageMatches {
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
