import { Mask } from "../../masks/mask.js";
import type { Detections } from "../../models/predictions.js";

/** An object found in an image; coordinates are pixels of the image. */
export interface FoundInstance {
  /** The class's name, and its index. */
  readonly label: string;
  readonly classIndex: number;
  /** 0 … 1 */
  readonly score: number;
  readonly box: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number };
  /** Of the image's size; absent where the model has no mask head. */
  readonly mask?: Mask;
}

export function foundInstances(
  { boxes, scores, labels, masks }: Detections,
  classes: readonly string[],
): FoundInstance[] {
  return Array.from(labels, (classIndex, i) => {
    const box = { x1: boxes[4 * i]!, y1: boxes[4 * i + 1]!, x2: boxes[4 * i + 2]!, y2: boxes[4 * i + 3]! };
    const mask = masks?.[i];
    const label = classes[classIndex] ?? String(classIndex);
    return { label, classIndex, score: scores[i]!, box, ...(mask !== undefined && { mask: new Mask(mask) }) };
  });
}
