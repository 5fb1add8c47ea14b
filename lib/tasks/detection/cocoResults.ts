import type { CocoResult } from "../../coco/entries.js";
import { compressRle } from "../../masks/strings.js";
import type { Detections } from "../../models/predictions.js";

/** The objects found in an image as entries of a COCO results file. */
export function cocoResults(
  imageId: number,
  { boxes, scores, labels, masks }: Detections,
  categoryIds: readonly number[],
): CocoResult[] {
  return Array.from(labels, (label, i) => {
    const [x1, y1, x2, y2] = boxes.subarray(4 * i, 4 * i + 4) as Iterable<number> as [number, number, number, number];
    const mask = masks?.[i];
    return {
      image_id: imageId,
      category_id: categoryIds[label]!,
      score: scores[i]!,
      bbox: [x1, y1, x2 - x1, y2 - y1],
      ...(mask !== undefined && { segmentation: { size: [mask.height, mask.width], counts: compressRle(mask) } }),
    };
  });
}
