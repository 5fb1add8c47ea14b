import { UserError } from "../errors.js";
import { type CocoSegmentation, segmentationToRle } from "../masks/coco.js";
import { type IndexedRle, indexRle } from "../masks/overlap.js";
import type { DetectionTable, EvaluationType, GroundTruthTable } from "./tables.js";

export interface CocoImage {
  readonly id: number;
  readonly width: number;
  readonly height: number;
}

export interface CocoAnnotation {
  readonly id: number;
  readonly image_id: number;
  readonly category_id: number;
  /** x y width height. */
  readonly bbox: readonly number[];
  /** Where left out: the mask's area, or the box's where there is no mask. */
  readonly area?: number;
  readonly iscrowd?: number;
  readonly segmentation?: CocoSegmentation;
}

export interface CocoGroundTruth {
  readonly images: readonly CocoImage[];
  readonly annotations: readonly CocoAnnotation[];
  readonly categories: readonly { readonly id: number; readonly name: string }[];
}

export interface CocoResult {
  readonly image_id: number;
  readonly category_id: number;
  readonly score: number;
  /** x y width height; the mask's tight box where left out. */
  readonly bbox?: readonly number[];
  readonly segmentation?: CocoSegmentation;
}

export interface GroundTruthOptions {
  /** Masks are made only for `segm`. */
  readonly type: EvaluationType;
  /** Take only these pictures. */
  readonly imageIds?: readonly number[];
  /** Take only these categories. */
  readonly categoryIds?: readonly number[];
}

/**
 * Reads a COCO instances file into columns.
 *
 * @throws UserError naming the annotation that is malformed, repeated, or of an unknown picture or category
 */
export function groundTruthTable(file: CocoGroundTruth, options: GroundTruthOptions): GroundTruthTable {
  for (const part of ["images", "annotations", "categories"] as const) {
    if (!Array.isArray(file[part]))
      throw new UserError(`the ground truth is no COCO instances file: no list "${part}"`);
  }
  const sizes = new Map(file.images.map((image) => [image.id, image]));
  const names = new Map(file.categories.map(({ id, name }) => [id, name]));
  const imageIds = ascending(options.imageIds ?? sizes.keys());
  const categoryIds = ascending(options.categoryIds ?? names.keys());
  const imageIndex = indexOf(imageIds);
  const categoryIndex = indexOf(categoryIds);
  const seen = new Set<number>();
  const kept = file.annotations.filter((annotation) => {
    const where = `annotation ${annotation.id}`;
    if (!sizes.has(annotation.image_id)) throw new UserError(`${where}: unknown picture id ${annotation.image_id}`);
    if (!names.has(annotation.category_id)) throw new UserError(`${where}: unknown category ${annotation.category_id}`);
    if (seen.has(annotation.id)) throw new UserError(`${where}: the id occurs twice; give every annotation its own`);
    seen.add(annotation.id);
    return imageIndex.has(annotation.image_id) && categoryIndex.has(annotation.category_id);
  });
  const boxes = new Float64Array(kept.length * 4);
  const masks: IndexedRle[] = [];
  const areas = Float64Array.from(kept, (annotation, n) => {
    const where = `annotation ${annotation.id}`;
    boxes.set(checkBox(annotation.bbox, where), 4 * n);
    const needsMask =
      options.type === "segm" || (annotation.area === undefined && annotation.segmentation !== undefined);
    const mask = needsMask ? readMask(annotation, sizes.get(annotation.image_id)!, where) : undefined;
    if (options.type === "segm" && mask !== undefined) masks.push(mask);
    return annotation.area ?? mask?.area ?? boxes[4 * n + 2]! * boxes[4 * n + 3]!;
  });
  return {
    imageIds,
    categoryIds,
    categoryNames: Array.from(categoryIds, (id) => names.get(id) ?? String(id)),
    image: Int32Array.from(kept, ({ image_id }) => imageIndex.get(image_id)!),
    category: Int32Array.from(kept, ({ category_id }) => categoryIndex.get(category_id)!),
    boxes,
    areas,
    crowd: Uint8Array.from(kept, ({ iscrowd }) => (iscrowd ? 1 : 0)),
    ids: Float64Array.from(kept, ({ id }) => id),
    ...(options.type === "segm" && { masks }),
  };
}

/**
 * Reads a COCO results file into columns, as the reference's `loadRes` does: a result's area is its box's, or its
 * mask's where it has no box. Results of pictures or categories that are not judged are left out.
 *
 * @throws UserError naming the result that is malformed or of a picture the file does not have
 */
export function detectionTable(
  results: readonly CocoResult[],
  file: CocoGroundTruth,
  truth: GroundTruthTable,
  type: EvaluationType,
): DetectionTable {
  if (!Array.isArray(results)) throw new UserError("the results are no COCO results file: it must hold a list");
  const sizes = new Map(file.images.map((image) => [image.id, image]));
  const imageIndex = indexOf(truth.imageIds);
  const categoryIndex = indexOf(truth.categoryIds);
  const kept: number[] = [];
  results.forEach(({ image_id, category_id, score }, i) => {
    if (!sizes.has(image_id)) {
      throw new UserError(
        `result ${i}: the ground truth has no picture ${image_id}; are these results of another set?`,
      );
    }
    if (!Number.isFinite(score)) throw new UserError(`result ${i}: the score must be a number, not ${score}`);
    if (imageIndex.has(image_id) && categoryIndex.has(category_id)) kept.push(i);
  });
  const boxes = new Float64Array(kept.length * 4);
  const areas = new Float64Array(kept.length);
  const masks: IndexedRle[] = [];
  kept.forEach((i, n) => {
    const result = results[i]!;
    const hasBox = result.bbox !== undefined && result.bbox.length > 0;
    const mask = type === "segm" || !hasBox ? readMask(result, sizes.get(result.image_id)!, `result ${i}`) : undefined;
    boxes.set(hasBox ? checkBox(result.bbox, `result ${i}`) : toXywh(mask!.box), 4 * n);
    areas[n] = hasBox ? boxes[4 * n + 2]! * boxes[4 * n + 3]! : mask!.area;
    if (type === "segm") masks.push(mask!);
  });
  return {
    image: Int32Array.from(kept, (i) => imageIndex.get(results[i]!.image_id)!),
    category: Int32Array.from(kept, (i) => categoryIndex.get(results[i]!.category_id)!),
    boxes,
    areas,
    scores: Float64Array.from(kept, (i) => results[i]!.score),
    ids: Float64Array.from(kept, (i) => i + 1),
    ...(type === "segm" && { masks }),
  };
}

function ascending(ids: Iterable<number>): Float64Array {
  return Float64Array.from(new Set(ids)).sort();
}

function indexOf(ids: Float64Array): Map<number, number> {
  return new Map(Array.from(ids, (id, i) => [id, i]));
}

function toXywh([x0, y0, x1, y1]: IndexedRle["box"]): [number, number, number, number] {
  return [x0, y0, x1 - x0, y1 - y0];
}

function checkBox(box: readonly number[] | undefined, where: string): readonly number[] {
  if (Array.isArray(box) && box.length === 4 && box.every(Number.isFinite)) return box;
  throw new UserError(`${where}: "bbox" must be 4 numbers x, y, width, height, not ${JSON.stringify(box)}`);
}

function readMask(
  { segmentation }: { readonly segmentation?: CocoSegmentation },
  { height, width }: CocoImage,
  where: string,
): IndexedRle {
  if (segmentation === undefined) {
    throw new UserError(`${where} has no "segmentation"; judge boxes (type bbox), or write masks into the file`);
  }
  return indexRle(segmentationToRle(segmentation, height, width, where));
}
