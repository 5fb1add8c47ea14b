import type { CocoGroundTruth, CocoResult } from "../../coco/entries.js";
import { type AssignedImage, type AssignmentInput, assignImages, IGNORED, WRONG } from "./assignment.js";
import { emptyPoints, meanAp, type Points } from "./averagePrecision.js";
import type { JudgedSubset } from "./frame.js";
import { detectionTable, readGroundTruth } from "./reading.js";

/** The kinds of error, in the order in which a detection is tested for them; an object is `missed` if none explains it. */
export const ERROR_KINDS = ["localisation", "class", "duplicate", "background", "both", "missed"] as const;
/** The kinds of errors of TIDE (Bolya et al. 2020), such as `localisation` or `missed`. */
export type ErrorKind = (typeof ERROR_KINDS)[number];

export interface ErrorOptions extends AssignmentInput {
  /** At this overlap or less a detection is on background. Default 0.1. */
  readonly backgroundThreshold?: number;
}

/** One kind of error: how often it occurs, and what it costs. */
export interface ErrorCost {
  readonly kind: ErrorKind;
  readonly count: number;
  /** How much higher the AP would be if no error were of this kind; 0 … 1. */
  readonly deltaAp: number;
  /** [K] errors of each class: of the detection's, or of the missed object's. */
  readonly perClass: Int32Array;
}

/** What detections lose by each kind of error. */
export interface ErrorBreakdown {
  /** At the IoU threshold: the mean over classes with objects or detections, 0 … 1; −1 where there are none. */
  readonly ap: number;
  /** In the order of `ERROR_KINDS`. */
  readonly errors: readonly ErrorCost[];
  /** How much higher the AP would be if wrong detections ranked behind all right ones. */
  readonly falsePositives: number;
  /** How much higher the AP would be if no missed object had to be found. */
  readonly falseNegatives: number;
}

/** An error of a detection, or a missed object (row −1), and how it is corrected. */
interface DetectionError {
  readonly kind: ErrorKind;
  /** In the detection table. */
  readonly row: number;
  readonly classIndex: number;
  /**
   * The class in which the detection would be right if the error were corrected; undefined if correcting it removes the
   * detection.
   */
  readonly rightIn: number | undefined;
  /** On a crowd: not a point of the curve unless corrected. */
  readonly ignored: boolean;
}

/**
 * How much AP each kind of error costs, after TIDE (Bolya, Foley, Hays and Hoffman: TIDE: A General Toolbox for
 * Identifying Object Detection Errors, ECCV 2020) and equal to the figures of its package `tidecv`. Each wrong
 * detection is one error, the first of these that holds:
 *
 * - localisation: the object of its class it overlaps most it overlaps by 0.1 … 0.5;
 * - class: it overlaps an object of another class by 0.5;
 * - duplicate: it overlaps an object of its class by 0.5 that a better detection found;
 * - background: it overlaps no object by more than 0.1;
 * - both: anything else, so both class and place are wrong.
 *
 * Correcting a localisation or class error makes the detection a match of the object it was nearest to, if no detection
 * found that object and no better error claims it; otherwise, and for the other kinds, the detection is removed. An
 * object that no detection found and no such error claims is missed; correcting that removes it too. Crowds only excuse
 * detections.
 */
export function errorBreakdown(options: ErrorOptions): ErrorBreakdown {
  return breakDownErrors(assignImages(options), options);
}

/** The same for images already assigned at the same threshold. */
export function breakDownErrors(images: readonly AssignedImage[], options: ErrorOptions): ErrorBreakdown {
  const { groundTruth, detections } = options;
  const K = groundTruth.categoryIds.length;
  const errors = images.flatMap((image) => errorsOf(image, options));
  const positives = new Int32Array(K);
  const falseNegatives = new Int32Array(K);
  const curve = emptyPoints(detections.scores.length);
  const right = emptyPoints(detections.scores.length);
  for (const image of images) {
    image.objects.forEach((row, g) => {
      if (groundTruth.crowd[row] === 1) return;
      positives[groundTruth.category[row]!]!++;
      if (image.found[g]! < 0) falseNegatives[groundTruth.category[row]!]!++;
    });
    image.matches.forEach((match, d) => {
      if (match === IGNORED) return;
      const row = image.detections[d]!;
      curve.add(detections.category[row]!, detections.scores[row]!, match >= 0);
      if (match >= 0) right.add(detections.category[row]!, detections.scores[row]!, true);
    });
  }
  const ap = meanAp(curve, positives) ?? -1;
  // Equal scores are ranked as in tidecv: wrong detections before right ones.
  const mend = (kind?: ErrorKind): Points => {
    const points = emptyPoints(errors.length + right.count);
    for (const error of errors) {
      const mended = error.kind === kind;
      if (error.row < 0 || (mended ? error.rightIn === undefined : error.ignored)) continue;
      points.add(mended ? error.rightIn! : error.classIndex, detections.scores[error.row]!, mended);
    }
    points.append(right);
    return points;
  };
  const cost = (points: Points, wanted: Int32Array): number => (ap < 0 ? 0 : (meanAp(points, wanted) ?? 1) - ap);
  return {
    ap,
    errors: ERROR_KINDS.map((kind) => {
      const own = errors.filter((error) => error.kind === kind);
      const perClass = new Int32Array(K);
      for (const { classIndex } of own) perClass[classIndex]!++;
      const wanted = kind === "missed" ? positives.map((n, k) => n - perClass[k]!) : positives;
      return { kind, count: own.length, perClass, deltaAp: Math.max(0, cost(mend(kind), wanted)) };
    }),
    falsePositives: cost(
      mend().withScores((isRight) => (isRight ? 1 : 0)),
      positives,
    ),
    falseNegatives: cost(
      mend(),
      positives.map((n, k) => n - falseNegatives[k]!),
    ),
  };
}

/** An image's errors: those of its detections by descending score, then missed objects. */
function errorsOf(image: AssignedImage, options: ErrorOptions): DetectionError[] {
  const { groundTruth, detections } = options;
  const { objects, found, matches } = image;
  const claimed = new Uint8Array(objects.length);
  const errors: DetectionError[] = [];
  matches.forEach((match, d) => {
    if (match !== WRONG && match !== IGNORED) return;
    const row = image.detections[d]!;
    const { kind, object } = classify(image, d, options);
    const isMendable = object >= 0 && found[object]! < 0 && claimed[object] === 0;
    if (isMendable) claimed[object] = 1;
    const rightIn = isMendable ? groundTruth.category[objects[object]!]! : undefined;
    errors.push({ kind, row, classIndex: detections.category[row]!, rightIn, ignored: match === IGNORED });
  });
  objects.forEach((row, g) => {
    if (groundTruth.crowd[row] === 1 || found[g]! >= 0 || claimed[g] === 1) return;
    const classIndex = groundTruth.category[row]!;
    errors.push({ kind: "missed", row: -1, classIndex, rightIn: undefined, ignored: false });
  });
  return errors;
}

/** @returns the kind of a wrong detection's error and the object it should have been right about, if that can be said */
function classify(
  { detections: rows, objects, ious, found }: AssignedImage,
  d: number,
  { groundTruth, detections, iouThreshold = 0.5, backgroundThreshold = 0.1 }: ErrorOptions,
): { readonly kind: ErrorKind; readonly object: number } {
  const G = objects.length;
  const own = detections.category[rows[d]!];
  let [same, other] = [-1, -1]; // the objects of this class and of another that it overlaps most; the first among equal ones
  let duplicate = false;
  const iou = (g: number): number => (g < 0 ? 0 : ious[d * G + g]!);
  for (let g = 0; g < G; g++) {
    const row = objects[g]!;
    if (groundTruth.crowd[row] === 1) continue;
    if (groundTruth.category[row] !== own) {
      if (other < 0 || iou(g) > iou(other)) other = g;
      continue;
    }
    if (same < 0 || iou(g) > iou(same)) same = g;
    duplicate ||= found[g]! >= 0 && iou(g) >= iouThreshold;
  }
  if (same >= 0 && iou(same) >= backgroundThreshold && iou(same) <= iouThreshold) {
    return { kind: "localisation", object: same };
  }
  if (other >= 0 && iou(other) >= iouThreshold) return { kind: "class", object: other };
  if (duplicate) return { kind: "duplicate", object: -1 };
  const onBackground = Math.max(iou(same), iou(other)) <= backgroundThreshold;
  return { kind: onBackground ? "background" : "both", object: -1 };
}

/** What `cocoErrors` compares, and how. */
export interface CocoErrorsOptions extends JudgedSubset, Omit<ErrorOptions, "groundTruth" | "detections"> {
  /** A COCO instances file, parsed. */
  readonly groundTruth: CocoGroundTruth;
  /** A COCO results file, parsed. */
  readonly results: readonly CocoResult[];
}

/**
 * How much AP each kind of error costs in COCO results; see `errorBreakdown`.
 *
 * @throws UserError naming the annotation or result that is malformed or unknown
 */
export function cocoErrors({
  groundTruth,
  results,
  imageIds,
  categoryIds,
  ...rest
}: CocoErrorsOptions): ErrorBreakdown {
  const subset = { ...(imageIds && { imageIds }), ...(categoryIds && { categoryIds }) };
  const [frame, truth] = readGroundTruth(groundTruth, { type: rest.type, ...subset });
  const detections = detectionTable(results, frame, truth, "image");
  return errorBreakdown({ ...rest, groundTruth: truth, detections });
}
