import { checkSameSize, overlapRatio } from "../masks/overlap.js";
import type { RunBuffer } from "../masks/runBuffer.js";
import { type MaskTable, sharedWithTable } from "../masks/table.js";
import { groupRows, type RowGroups } from "./sorting.js";
import type { ComparedWith, GroundTruthTable, MaskOverlaps } from "./tables.js";

/** What overlaps are computed against. */
export interface OverlapTarget {
  readonly truth: GroundTruthTable & { readonly masks: MaskTable };
  /** The truth's rows by image. */
  readonly byImage: RowGroups;
  readonly comparedWith: ComparedWith;
}

/** @throws RangeError where the ground truth was made without masks */
export function overlapTarget(truth: GroundTruthTable, comparedWith: ComparedWith): OverlapTarget {
  const { masks } = truth;
  if (masks === undefined) throw new RangeError("the ground truth was made without masks");
  return { truth: { ...truth, masks }, byImage: groupRows(truth.image, truth.imageIds.length), comparedWith };
}

export interface OverlapsBuilder {
  /** Adds the next detection. @throws UserError where its mask is not of the image's size */
  add(mask: RunBuffer, image: number, category: number): void;
  finish(): MaskOverlaps;
}

export function overlapsBuilder({ truth, byImage, comparedWith }: OverlapTarget): OverlapsBuilder {
  const { masks, crowd, category: categories } = truth;
  const starts = [0];
  const objects: number[] = [];
  const ious: number[] = [];
  return {
    add(mask, image, category) {
      for (let i = byImage.starts[image]!; i < byImage.starts[image + 1]!; i++) {
        const g = byImage.rows[i]!;
        if (comparedWith === "category" && categories[g] !== category) continue;
        checkSameSize(mask.height, mask.width, masks.sizes[2 * g]!, masks.sizes[2 * g + 1]!);
        const shared = sharedWithTable(mask, masks, g);
        if (shared === 0) continue;
        objects.push(g);
        ious.push(overlapRatio(shared, mask.area, masks.areas[g]!, crowd[g] === 1));
      }
      starts.push(objects.length);
    },
    finish: () => ({
      starts: Int32Array.from(starts),
      objects: Int32Array.from(objects),
      ious: Float64Array.from(ious),
      comparedWith,
    }),
  };
}
