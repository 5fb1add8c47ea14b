import { type AssignedPicture, IGNORED } from "./assignment.js";
import { type OperatingPoint, operatingPoint } from "./operatingPoint.js";
import type { DetectionTable, GroundTruthTable } from "./tables.js";

/** How one picture's detections of all classes fare from a score on. */
export interface PictureScore extends OperatingPoint {
  /** Index into `imageIds`. */
  readonly image: number;
}

/**
 * Every picture's right and wrong detections and missed objects at a score threshold, in the order given. Detections on
 * crowds do not count; a picture with nothing to find where nothing is found has an F1 of 1.
 */
export function pictureScores(
  pictures: readonly AssignedPicture[],
  groundTruth: GroundTruthTable,
  detections: DetectionTable,
  scoreThreshold: number,
): PictureScore[] {
  return pictures.map(({ image, detections: rows, objects, matches }) => {
    let right = 0;
    let wrong = 0;
    matches.forEach((match, d) => {
      if (detections.scores[rows[d]!]! < scoreThreshold || match === IGNORED) return;
      if (match >= 0) right++;
      else wrong++;
    });
    const positives = objects.filter((row) => groundTruth.crowd[row] === 0).length;
    return { image, ...operatingPoint(scoreThreshold, right, wrong, positives) };
  });
}

/** The pictures with the lowest F1, of equal ones those with more errors first; perfect ones are left out. */
export function worstPictures(scores: readonly PictureScore[], most: number): PictureScore[] {
  const errors = ({ wrong, missed }: PictureScore): number => wrong + missed;
  return scores
    .filter((score) => errors(score) > 0)
    .sort((a, b) => a.f1 - b.f1 || errors(b) - errors(a))
    .slice(0, most);
}
