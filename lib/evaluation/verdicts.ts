import {
  emptyCase,
  emptyMatches,
  matchDetections,
  reachable,
  resizeCase,
  THRESHOLDS_PER_WORD,
  type Verdicts,
} from "./matching.js";
import type { ResolvedCocoOptions } from "./options.js";
import { iouFiller, type PictureRows } from "./overlaps.js";
import { type PictureMatches, recordMatches } from "./pictureMatches.js";
import type { DetectionTable, EvaluationType, GroundTruthTable } from "./tables.js";

/** What became of one category's n detections. */
export interface ClassVerdicts extends Verdicts {
  readonly count: number;
  /** [n] */
  readonly scores: Float64Array;
  /** [n] 0 for a picture's best detection of the category, and so on. */
  readonly ranks: Int32Array;
  /** [A] objects to be found. */
  readonly positives: Int32Array;
}

export interface JudgeInput {
  readonly type: EvaluationType;
  readonly groundTruth: GroundTruthTable;
  readonly detections: DetectionTable;
  readonly options: ResolvedCocoOptions;
}

/** One category's table rows in order of pictures, detections of a picture by falling score. */
export interface ClassRows extends PictureRows {
  /** −1 where categories are not looked at. */
  readonly categoryId: number;
}

/** Matches categories one after the other, in working space used again. Matches are appended to `kept`, if given. */
export function classJudge(input: JudgeInput, kept?: PictureMatches[]): (rows: ClassRows) => ClassVerdicts {
  const { groundTruth, detections: table, options, type } = input;
  const { areaRanges, iouThresholds } = options;
  const limit = options.maxDetections.at(-1)!;
  const lowest = reachable(Math.min(...iouThresholds));
  const fillIous = iouFiller(type, groundTruth, table, !options.useCategories);
  const picture = emptyCase();
  const matches = emptyMatches(kept !== undefined);

  function load(rows: PictureRows): void {
    const D = rows.detections.length;
    const G = rows.objects.length;
    resizeCase(picture, D, G);
    for (let g = 0; g < G; g++) {
      const row = rows.objects[g]!;
      picture.objectAreas[g] = groundTruth.areas[row]!;
      picture.objectIds[g] = groundTruth.ids[row]!;
      picture.crowd[g] = groundTruth.crowd[row]!;
    }
    fillIous(rows, picture.ious);
    for (let d = 0; d < D; d++) {
      picture.detectionAreas[d] = table.areas[rows.detections[d]!]!;
      picture.reaches[d] = 0;
      for (let i = d * G; i < (d + 1) * G; i++) if (picture.ious[i]! >= lowest) picture.reaches[d] = 1;
    }
  }

  return ({ objects, detections, categoryId }) => {
    const found = emptyVerdicts(detections.length, options);
    const { scores, ranks, positives } = found;
    let count = 0;
    for (let g = 0, d = 0; g < objects.length || d < detections.length; ) {
      const imageOfObject = g < objects.length ? groundTruth.image[objects[g]!]! : Number.POSITIVE_INFINITY;
      const imageOfDetection = d < detections.length ? table.image[detections[d]!]! : Number.POSITIVE_INFINITY;
      const image = Math.min(imageOfObject, imageOfDetection);
      const firstObject = g;
      while (g < objects.length && groundTruth.image[objects[g]!] === image) g++;
      const firstDetection = d;
      while (d < detections.length && table.image[detections[d]!] === image) d++;
      const rows = {
        objects: objects.subarray(firstObject, g),
        detections: detections.subarray(firstDetection, Math.min(d, firstDetection + limit)),
      };
      load(rows);
      for (let rank = 0; rank < rows.detections.length; rank++) {
        scores[count + rank] = table.scores[rows.detections[rank]!]!;
        ranks[count + rank] = rank;
      }
      for (let a = 0; a < areaRanges.length; a++) {
        matchDetections(picture, a, options, matches, found, count);
        for (let k = 0; k < picture.objects; k++) if (matches.objectIgnored[k] === 0) positives[a]!++;
        kept?.push(recordMatches({ input, image, categoryId, areaRange: a, rows, picture, matches, found, count }));
      }
      count += rows.detections.length;
    }
    return { ...found, count };
  };
}

function emptyVerdicts(capacity: number, { areaRanges, iouThresholds }: ResolvedCocoOptions): ClassVerdicts {
  const words = Math.ceil(iouThresholds.length / THRESHOLDS_PER_WORD);
  return {
    count: 0,
    scores: new Float64Array(capacity),
    ranks: new Int32Array(capacity),
    right: new Int32Array(areaRanges.length * words * capacity), // [A, W, capacity]
    ignored: new Int32Array(areaRanges.length * words * capacity),
    words,
    capacity,
    positives: new Int32Array(areaRanges.length),
  };
}
