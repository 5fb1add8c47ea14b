import { type ImageMatches, recordMatches } from "./imageMatches.js";
import type { ClassVerdicts, JudgeInput } from "./judging.js";
import { emptyCase, emptyMatches, matchDetections, reachable, resizeCase, THRESHOLDS_PER_WORD } from "./matching.js";
import type { ResolvedCocoOptions } from "./options.js";
import { type ImageRows, iouFiller } from "./overlaps.js";
import type { ClassRows } from "./rows.js";

/**
 * Matches categories one after the other. The verdicts lie in memory that the next call uses again.
 *
 * @param capacity the most detections a category has
 * @param kept matches are appended to it, if given
 */
export function classJudge(
  input: JudgeInput,
  capacity: number,
  kept?: ImageMatches[],
): (rows: ClassRows) => ClassVerdicts {
  const { groundTruth, detections: table, options, type } = input;
  const { areaRanges, iouThresholds } = options;
  const limit = options.maxDetections.at(-1)!;
  const lowest = reachable(Math.min(...iouThresholds));
  const fillIous = iouFiller(type, groundTruth, table, !options.useCategories);
  const space = emptyCase();
  const found = emptyVerdicts(capacity, options);
  const { scores, ranks, positives } = found;
  const place = new Int32Array(table.scores.length); // of a detection among its class's verdicts
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
