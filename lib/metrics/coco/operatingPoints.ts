import { type AssignedImage, IGNORED } from "./assignment.js";
import { fallingOrder } from "./rows.js";
import type { DetectionTable, GroundTruthTable } from "./tables.js";

/** Detections of all classes together, without those below a score. */
export interface OperatingPoint {
  readonly score: number;
  /** Right detections, wrong ones, and objects not found. */
  readonly right: number;
  readonly wrong: number;
  readonly missed: number;
  /** Share of the detections that are right; 1 where there are none. */
  readonly precision: number;
  /** Share of the objects found; 1 where there are none. */
  readonly recall: number;
  /** The harmonic mean of both. */
  readonly f1: number;
}

export function operatingPoint(score: number, right: number, wrong: number, positives: number): OperatingPoint {
  const counted = right + wrong;
  return {
    score,
    right,
    wrong,
    missed: positives - right,
    precision: counted === 0 ? 1 : right / counted,
    recall: positives === 0 ? 1 : right / positives,
    f1: counted + positives === 0 ? 1 : (2 * right) / (counted + positives),
  };
}

/** One point for each score that occurs, from the highest to the lowest. Detections on crowds do not count. */
export function operatingPoints(
  images: readonly AssignedImage[],
  groundTruth: GroundTruthTable,
  detections: DetectionTable,
): OperatingPoint[] {
  const isRight = new Uint8Array(detections.scores.length);
  const counted: number[] = [];
  for (const { detections: rows, matches } of images) {
    matches.forEach((match, d) => {
      if (match === IGNORED) return;
      isRight[rows[d]!] = match >= 0 ? 1 : 0;
      counted.push(rows[d]!);
    });
  }
  const positives = countObjects(groundTruth);
  const ranked = fallingOrder(Float64Array.from(counted, (row) => detections.scores[row]!));
  const points: OperatingPoint[] = [];
  let right = 0;
  ranked.forEach((at, i) => {
    const row = counted[at]!;
    right += isRight[row]!;
    const score = detections.scores[row]!;
    const next = ranked[i + 1];
    if (next !== undefined && detections.scores[counted[next]!] === score) return; // equal scores make one point
    points.push(operatingPoint(score, right, i + 1 - right, positives));
  });
  return points;
}

/** The point with the highest F1, among equal ones that with the highest score; undefined where nothing is detected. */
export function bestOperatingPoint(points: readonly OperatingPoint[]): OperatingPoint | undefined {
  return points.reduce<OperatingPoint | undefined>(
    (best, point) => (best === undefined || point.f1 > best.f1 ? point : best),
    undefined,
  );
}

/** The objects to be found: all but crowds. */
function countObjects({ crowd }: GroundTruthTable): number {
  return crowd.reduce((count, isCrowd) => count + 1 - isCrowd, 0);
}

/** One image's detections of all classes with at least a score. */
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

/** The images with the lowest F1, among equal ones those with more errors first; perfect ones are left out. */
export function worstImages(scores: readonly ImageScore[], most: number): ImageScore[] {
  const errors = ({ wrong, missed }: ImageScore): number => wrong + missed;
  return scores
    .filter((score) => errors(score) > 0)
    .sort((a, b) => a.f1 - b.f1 || errors(b) - errors(a))
    .slice(0, most);
}
