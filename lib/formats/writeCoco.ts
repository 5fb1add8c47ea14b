import { checkName, refuseExisting, writeFileAtomic } from "../files.js";
import { cocoFileParts } from "./cocoFileParts.js";
import type { ConvertedSet } from "./types.js";

export interface WriteCocoOptions {
  /** The JSON file. */
  readonly output: string;
  readonly force?: boolean;
  /** Objects that only have a box get it as their mask. */
  readonly boxMasks?: boolean;
}

/** Writes a set as a COCO instance file; images, objects and classes are numbered from 1. */
export async function writeCoco(set: ConvertedSet, options: WriteCocoOptions): Promise<void> {
  refuseExisting([options.output], options.force);
  for (const { file, source } of set.images) checkName(file, source ?? options.output);
  const categoryIds = new Map(set.classes.map((name, i) => [name, i + 1]));
  const images = set.images.map(({ file, width, height }, i) => ({ id: i + 1, file_name: file, width, height }));
  let id = 0;
  const annotations = set.images.flatMap(({ objects }, i) =>
    objects.map(({ label, bbox, segmentation, area, crowd }) => ({
      id: ++id,
      image_id: i + 1,
      category_id: categoryIds.get(label),
      bbox: bbox.map(round),
      area: round(area),
      iscrowd: crowd ? 1 : 0,
      segmentation: segmentation ?? (options.boxMasks === true ? [boxOutline(bbox)] : []),
    })),
  );
  const categories = set.classes.map((name, i) => ({ id: i + 1, name }));
  await writeFileAtomic(options.output, cocoFileParts({ images, annotations, categories }));
}

function boxOutline([x, y, width, height]: readonly [number, number, number, number]): number[] {
  return [x, y, x + width, y, x + width, y + height, x, y + height].map(round);
}

/** Drops meaningless digits that sums of fractions leave. */
const round = (value: number): number => Math.round(value * 1e4) / 1e4;
