import { type AssignedImage, IGNORED } from "./assignment.js";
import { type OperatingPoint, operatingPoint } from "./operatingPoint.js";
import type { DetectionTable, GroundTruthTable } from "./tables.js";

/** How one image's detections of all classes fare from a score on. */
export interface ImageScore extends OperatingPoint {
  /** Index into `imageIds`. */
  readonly image: number;
}

/**
 * Every image's right and wrong detections and missed objects at a score threshold, in the order given. Detections on
 * crowds do not count; an image with nothing to find where nothing is found has an F1 of 1.
 */
export function imageScores(
  images: readonly AssignedImage[],
  groundTruth: GroundTruthTable,
  detections: DetectionTable,
  scoreThreshold: number,
): ImageScore[] {
  return images.map(({ image, detections: rows, objects, matches }) => {
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

/** The images with the lowest F1, of equal ones those with more errors first; perfect ones are left out. */
export function worstImages(scores: readonly ImageScore[], most: number): ImageScore[] {
  const errors = ({ wrong, missed }: ImageScore): number => wrong + missed;
  return scores
    .filter((score) => errors(score) > 0)
    .sort((a, b) => a.f1 - b.f1 || errors(b) - errors(a))
    .slice(0, most);
}
