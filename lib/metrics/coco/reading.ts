import { checkAnnotationId, checkArea, checkBox, checkCrowd, checkObject, checkResultId } from "../../coco/checks.js";
import type { CocoAnnotation, CocoGroundTruth, CocoResult } from "../../coco/entries.js";
import { UserError } from "../../errors.js";
import { type CocoSegmentation, readSegmentation } from "../../masks/coco.js";
import { polygonExtent } from "../../masks/extent.js";
import { RunBuffer } from "../../masks/runBuffer.js";
import { maskTableBuilder } from "../../masks/table.js";
import { UNCOUNTED, type Work } from "../../masks/work.js";
import { type CocoFrame, type JudgedSubset, readFrame } from "./frame.js";
import { type OverlapTarget, overlapsBuilder, overlapTarget } from "./overlaps.js";
import { indexOfSorted } from "./rows.js";
import {
  type ComparedWith,
  type DetectionTable,
  type EvaluationType,
  type GroundTruthTable,
  joinDetections,
  joinObjects,
  type ObjectColumns,
} from "./tables.js";

export interface GroundTruthOptions extends JudgedSubset {
  /** Masks are made only for `segm`. */
  readonly type: EvaluationType;
}

/**
 * Reads a parsed COCO instances file into columns.
 *
 * @throws UserError naming the annotation that is malformed, repeated, or of an unknown image or category
 */
export function groundTruthTable(file: CocoGroundTruth, options: GroundTruthOptions): GroundTruthTable {
  return readGroundTruth(file, options)[1];
}

/** The same, together with the frame that results are read by. */
export function readGroundTruth(
  file: CocoGroundTruth,
  { type, ...subset }: GroundTruthOptions,
): [CocoFrame, GroundTruthTable] {
  for (const part of ["images", "annotations", "categories"] as const) {
    if (!Array.isArray(file[part]))
      throw new UserError(`the ground truth is no COCO instances file: no list "${part}"`);
  }
  const [frame, judged] = readFrame(file, subset);
  return [frame, joinObjects([objectColumns(file.annotations, 0, frame, type)], judged)];
}

/**
 * Reads a parsed COCO results file into columns. Masks are compared with the ground truth's while reading and are not
 * kept.
 *
 * @param comparedWith for masks: "image" if categories are ignored
 * @throws UserError naming the result that is malformed or of an image the file does not have
 */
export function detectionTable(
  results: readonly CocoResult[],
  frame: CocoFrame,
  truth: GroundTruthTable,
  comparedWith: ComparedWith = "category",
): DetectionTable {
  if (!Array.isArray(results)) throw new UserError("the results are no COCO results file: it must hold a list");
  const target = truth.masks && overlapTarget(truth, comparedWith);
  return joinDetections([detectionColumns(results, 0, frame, target)]);
}

/**
 * @param first position of the first given annotation in the file's list
 * @param work how much work their masks may take
 * @throws UserError naming the annotation that is malformed or of an unknown image or category, or too much work
 */
export function objectColumns(
  annotations: readonly CocoAnnotation[],
  first: number,
  frame: CocoFrame,
  type: EvaluationType,
  work = UNCOUNTED,
): ObjectColumns {
  const n = annotations.length;
  const image = new Int32Array(n);
  const category = new Int32Array(n);
  const boxes = new Float64Array(4 * n);
  const areas = new Float64Array(n);
  const crowd = new Uint8Array(n);
  const ids = new Float64Array(n);
  const allIds = new Float64Array(n);
  const masks = type === "segm" ? maskTableBuilder() : undefined;
  const mask = new RunBuffer();
  let kept = 0;
  annotations.forEach((annotation, i) => {
    checkObject(annotation, `annotations[${first + i}]`);
    const { id, image_id, category_id, bbox, area, segmentation } = annotation;
    checkAnnotationId(annotation, "id", `annotations[${first + i}]`);
    const where = `annotation ${id}`;
    checkAnnotationId(annotation, "image_id", where);
    checkAnnotationId(annotation, "category_id", where);
    const isCrowd = checkCrowd(annotation.iscrowd, where);
    const p = indexOfSorted(frame.imageIds, image_id);
    if (p < 0) throw new UserError(`${where}: unknown image id ${image_id}`);
    const k = indexOfSorted(frame.categoryIds, category_id);
    if (k < 0) throw new UserError(`${where}: unknown category ${category_id}`);
    allIds[i] = id;
    if (frame.judgedImages[p]! < 0 || frame.judgedCategories[k]! < 0) return;
    const hasBox = bbox !== undefined && bbox !== null;
    const hasMask = segmentation !== undefined && segmentation !== null && !isEmptyList(segmentation);
    const isIgnored = masks !== undefined && !hasMask && hasBox && frame.withoutMask === "ignore";
    const needsMask = masks !== undefined || (segmentation !== undefined && (area === undefined || !hasBox));
    if (isIgnored) readMask({ segmentation: [outlineOf(checkBox(bbox, where))] }, frame, p, mask, where, work);
    else if (needsMask) readMask(annotation, frame, p, mask, where, work);
    const box = hasBox || !hasMask ? checkBox(bbox, where) : boxOf(segmentation, mask);
    masks?.add(mask);
    image[kept] = frame.judgedImages[p]!;
    category[kept] = frame.judgedCategories[k]!;
    for (let c = 0; c < 4; c++) boxes[4 * kept + c] = box[c]!;
    areas[kept] = checkArea(area, where) ?? (needsMask && !isIgnored ? mask.area : box[2]! * box[3]!);
    crowd[kept] = isCrowd || isIgnored ? 1 : 0;
    ids[kept++] = id;
  });
  return {
    image: image.slice(0, kept),
    category: category.slice(0, kept),
    boxes: boxes.slice(0, 4 * kept),
    areas: areas.slice(0, kept),
    crowd: crowd.slice(0, kept),
    ids: ids.slice(0, kept),
    allIds,
    ...(masks !== undefined && { masks: masks.finish() }),
  };
}

/**
 * A result's area is its box's, or its mask's where it has no box, as in the reference's `loadRes`. Results of images
 * or categories that are not judged are left out.
 *
 * @param first position of the first given result in the file's list
 * @param target what masks are compared with; without it boxes are judged
 * @throws UserError naming the result that is malformed or of an image the file does not have
 */
export function detectionColumns(
  results: readonly CocoResult[],
  first: number,
  frame: CocoFrame,
  target: OverlapTarget | undefined,
  work = UNCOUNTED,
): DetectionTable {
  const n = results.length;
  const image = new Int32Array(n);
  const category = new Int32Array(n);
  const boxes = new Float64Array(4 * n);
  const areas = new Float64Array(n);
  const scores = new Float64Array(n);
  const ids = new Float64Array(n);
  const overlaps = target && overlapsBuilder(target);
  const mask = new RunBuffer();
  const unknown = new Map<number, number>();
  let kept = 0;
  results.forEach((result, i) => {
    const where = `result ${first + i}`;
    checkObject(result, where);
    const { image_id, category_id, score, bbox } = result;
    checkResultId(image_id, "image_id", where);
    checkResultId(category_id, "category_id", where);
    const p = indexOfSorted(frame.imageIds, image_id);
    if (p < 0) {
      throw new UserError(`${where}: the ground truth has no image ${image_id}; are these results of another set?`);
    }
    if (!Number.isFinite(score)) throw new UserError(`${where}: the score must be a number, not ${score}`);
    const k = indexOfSorted(frame.categoryIds, category_id);
    if (k < 0) unknown.set(category_id, (unknown.get(category_id) ?? 0) + 1);
    if (frame.judgedImages[p]! < 0 || k < 0 || frame.judgedCategories[k]! < 0) return;
    image[kept] = frame.judgedImages[p]!;
    category[kept] = frame.judgedCategories[k]!;
    const box = bbox === undefined || bbox === null || bbox.length === 0 ? undefined : checkBox(bbox, where);
    if (box === undefined && overlaps === undefined && !result.segmentation) {
      throw new UserError(`${where}: "bbox" is ${describeMissing(bbox)}, and there is no mask to take a box from`);
    }
    if (overlaps !== undefined || box === undefined) readMask(result, frame, p, mask, where, work);
    overlaps?.add(mask, image[kept]!, category[kept]!);
    if (box === undefined) {
      const [x0, y0, x1, y1] = mask.box;
      boxes[4 * kept] = x0!;
      boxes[4 * kept + 1] = y0!;
      boxes[4 * kept + 2] = x1! - x0!;
      boxes[4 * kept + 3] = y1! - y0!;
    } else for (let c = 0; c < 4; c++) boxes[4 * kept + c] = box[c]!;
    areas[kept] = box === undefined ? mask.area : box[2]! * box[3]!;
    scores[kept] = score;
    ids[kept++] = first + i + 1;
  });
  return {
    image: image.slice(0, kept),
    category: category.slice(0, kept),
    boxes: boxes.slice(0, 4 * kept),
    areas: areas.slice(0, kept),
    scores: scores.slice(0, kept),
    ids: ids.slice(0, kept),
    unknown: { of: n, counts: unknown },
    ...(overlaps !== undefined && { overlaps: overlaps.finish() }),
  };
}

const describeMissing = (value: unknown): string => (value === undefined ? "missing" : JSON.stringify(value));

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/**
 * The box, x y width height, of an object without one, as the data set readers compute it.
 *
 * @param mask that of run lengths
 */
function boxOf(segmentation: CocoSegmentation, mask: RunBuffer): readonly number[] {
  const [x0, y0, x1, y1] = "size" in segmentation ? mask.box : polygonExtent(segmentation);
  return [x0!, y0!, x1! - x0!, y1! - y0!];
}

function outlineOf([x = 0, y = 0, width = 0, height = 0]: readonly number[]): number[] {
  return [x, y, x + width, y, x + width, y + height, x, y + height];
}

function readMask(
  { segmentation }: Pick<CocoResult, "segmentation">,
  { imageSizes }: CocoFrame,
  image: number,
  into: RunBuffer,
  where: string,
  work: Work,
): void {
  if (segmentation === undefined || segmentation === null) {
    throw new UserError(`${where} has no "segmentation"; judge boxes (type bbox), or write masks into the file`);
  }
  const height = imageSizes[2 * image]!;
  const width = imageSizes[2 * image + 1]!;
  if (height === 0 || width === 0) {
    throw new UserError(`${where}: its image has no "height" and "width" in the ground truth, which masks need`);
  }
  readSegmentation(segmentation, height, width, into, where, work);
}
