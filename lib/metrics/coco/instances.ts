import { UserError } from "../../errors.js";
import { rleArea } from "../../masks/rle.js";
import { RunBuffer } from "../../masks/runBuffer.js";
import { maskTable } from "../../masks/table.js";
import type { Rle } from "../../masks/types.js";
import { counted, pick } from "../../words.js";
import { overlapsBuilder, overlapTarget } from "./overlaps.js";
import type { ComparedWith, DetectionTable, EvaluationType, GroundTruthTable } from "./tables.js";

/** The true objects of one image, n of them, in original pixels. */
export interface EvaluatedObjects {
  readonly imageId: number;
  /** [n, 4] x1 y1 x2 y2. */
  readonly boxes: Float32Array | Float64Array;
  /** [n] class index. */
  readonly labels: Int32Array;
  /** [n] */
  readonly crowd: Uint8Array;
  /** [n] decides the size class; default the mask's area, or the box's where there is no mask. */
  readonly areas?: Float32Array | Float64Array;
  /** [n] of the image's size. */
  readonly masks?: readonly (Rle | undefined)[];
}

/** What a model found in one image, n detections, in original pixels. */
export interface EvaluatedDetections {
  readonly imageId: number;
  /** [n, 4] x1 y1 x2 y2. */
  readonly boxes: Float32Array | Float64Array;
  /** [n] */
  readonly scores: Float32Array | Float64Array;
  /** [n] class index. */
  readonly labels: Int32Array;
  /** [n] of the image's size. */
  readonly masks?: readonly Rle[];
}

export interface InstancesOptions {
  /** Every image that is judged, those without objects too. */
  readonly images: readonly EvaluatedObjects[];
  readonly classes: readonly string[];
  /** Masks are looked at only for `segm`. */
  readonly type: EvaluationType;
}

/**
 * Ground truth for `evaluateTables`; can be made once and used after every epoch. Category ids are class indices,
 * annotation ids count from 1.
 *
 * @throws UserError where masks are judged and an object has none, or an image comes twice
 */
export function groundTruthFromInstances({ images, classes, type }: InstancesOptions): GroundTruthTable {
  const sorted = [...images].sort((a, b) => a.imageId - b.imageId);
  const imageIds = Float64Array.from(sorted, ({ imageId }) => imageId);
  const twice = imageIds.find((id, i) => id === imageIds[i + 1]);
  if (twice !== undefined) throw new UserError(`image ${twice} comes twice in the ground truth`);
  const columns = flatten(sorted, (_, i) => i, areaOfObject);
  checkLabels(columns.category, classes.length, "the ground truth");
  return {
    imageIds,
    categoryIds: Float64Array.from(classes, (_, k) => k),
    categoryNames: classes,
    crowd: Uint8Array.from(sorted.flatMap(({ crowd }) => [...crowd])),
    ids: Float64Array.from(columns.image, (_, n) => n + 1),
    ...columns,
    ...(type === "segm" && { masks: maskTable(masksOf(sorted)) }),
  };
}

/**
 * Detections for `evaluateTables`. Where masks are judged, the size class goes by the mask's area.
 *
 * @throws UserError where an image is not in the ground truth, a score is no number, or a mask is missing
 */
export function detectionsFromInstances(
  images: readonly EvaluatedDetections[],
  truth: GroundTruthTable,
  type: EvaluationType,
  comparedWith: ComparedWith = "category",
): DetectionTable {
  const imageIndex = new Map(Array.from(truth.imageIds, (id, i) => [id, i]));
  const columns = flatten(
    images,
    ({ imageId }) => {
      const index = imageIndex.get(imageId);
      if (index === undefined) throw new UserError(`detections of image ${imageId}, which the ground truth lacks`);
      return index;
    },
    ({ masks }, i) => (type === "segm" && masks?.[i] !== undefined ? rleArea(masks[i]) : undefined),
  );
  checkLabels(columns.category, truth.categoryIds.length, "the detections");
  const scores = Float64Array.from(images.flatMap((image) => [...image.scores]));
  const bad = scores.find((score) => !Number.isFinite(score));
  if (bad !== undefined) throw new UserError(`a detection has the score ${bad}; the model's outputs are not finite`);
  const ids = Float64Array.from(scores, (_, n) => n + 1);
  if (type === "bbox") return { scores, ids, ...columns };
  const overlaps = overlapsBuilder(overlapTarget(truth, comparedWith));
  const buffer = new RunBuffer();
  let n = 0;
  for (const mask of masksOf(images)) {
    buffer.take(mask);
    overlaps.add(buffer, columns.image[n]!, columns.category[n]!);
    n++;
  }
  return { scores, ids, ...columns, overlaps: overlaps.finish() };
}

interface Columns {
  readonly image: Int32Array;
  readonly category: Int32Array;
  readonly boxes: Float64Array;
  readonly areas: Float64Array;
}

type ImageColumns = Pick<EvaluatedObjects, "imageId" | "boxes" | "labels" | "masks">;

function areaOfObject({ areas, masks }: EvaluatedObjects, i: number): number | undefined {
  const mask = masks?.[i];
  return areas?.[i] ?? (mask === undefined ? undefined : rleArea(mask));
}

/**
 * The images' columns one after the other.
 *
 * @param areaOf the area that decides on the size class; the box's where undefined
 */
function flatten<P extends ImageColumns>(
  images: readonly P[],
  imageIndex: (image: P, i: number) => number,
  areaOf: (image: P, i: number) => number | undefined,
): Columns {
  const total = images.reduce((sum, { labels }) => sum + labels.length, 0);
  const image = new Int32Array(total);
  const category = new Int32Array(total);
  const boxes = new Float64Array(total * 4);
  const areas = new Float64Array(total);
  let n = 0;
  images.forEach((own, p) => {
    const index = imageIndex(own, p);
    own.labels.forEach((label, i) => {
      const [x0, y0, x1, y1] = own.boxes.subarray(4 * i, 4 * i + 4);
      image[n] = index;
      category[n] = label;
      boxes.set([x0!, y0!, x1! - x0!, y1! - y0!], 4 * n);
      areas[n] = areaOf(own, i) ?? boxes[4 * n + 2]! * boxes[4 * n + 3]!;
      n++;
    });
  });
  return { image, category, boxes, areas };
}

/** All images' masks in turn. */
function* masksOf(images: readonly ImageColumns[]): Generator<Rle> {
  for (const { masks, labels, imageId } of images) {
    for (let i = 0; i < labels.length; i++) {
      const mask = masks?.[i];
      if (mask === undefined)
        throw new UserError(`object ${i} of image ${imageId} has no mask; judge boxes (type bbox)`);
      yield mask;
    }
  }
}

function checkLabels(labels: Int32Array, classes: number, whose: string): void {
  const bad = labels.find((label) => label < 0 || label >= classes);
  if (bad !== undefined)
    throw new UserError(
      `${whose} holds class ${bad}, but there ${pick(classes, "is", "are")} ${counted(classes, "class", "classes")} (from 0)`,
    );
}
