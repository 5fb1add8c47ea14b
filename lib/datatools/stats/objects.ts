import type { DetectionDataset } from "../../datasets/types.js";
import type { Size } from "../../pixels/image.js";
import { median, spreadOf } from "./spread.js";
import type { ObjectStats } from "./types.js";

/** The data of the plots: one value per object, without crowds. */
export interface ObjectValues {
  readonly widths: readonly number[];
  readonly heights: readonly number[];
  readonly labels: readonly number[];
  readonly perImage: readonly number[];
}

/** COCO's bounds of small and medium areas, in pixels. */
export const SMALL = 32 ** 2;
export const MEDIUM = 96 ** 2;

export function objectStats(
  dataset: DetectionDataset,
  name: string,
): { readonly stats: ObjectStats; readonly values: ObjectValues } {
  const values = {
    widths: [] as number[],
    heights: [] as number[],
    labels: [] as number[],
    perImage: [] as number[],
  };
  const images = new Uint32Array(dataset.classes.length);
  const areas = { small: 0, medium: 0, large: 0 };
  for (let index = 0; index < dataset.length; index++) {
    const instances = dataset.source(index).instances!;
    const present = new Set<number>();
    let objects = 0;
    for (const [i, label] of instances.labels.entries()) {
      if (instances.crowd[i] === 1) continue;
      const [x1, y1, x2, y2] = instances.boxes.subarray(4 * i, 4 * i + 4) as unknown as [
        number,
        number,
        number,
        number,
      ];
      values.widths.push(x2 - x1);
      values.heights.push(y2 - y1);
      values.labels.push(label);
      const area = instances.areas[i]!;
      areas[area < SMALL ? "small" : area < MEDIUM ? "medium" : "large"]++;
      present.add(label);
      objects++;
    }
    values.perImage.push(objects);
    for (const label of present) images[label]!++;
  }
  const count = values.labels.length;
  const sides = values.widths.map((width, i) => Math.sqrt(width * values.heights[i]!));
  const sidesOf = dataset.classes.map((): number[] => []);
  for (const [i, label] of values.labels.entries()) sidesOf[label]!.push(sides[i]!);
  const share = (part: number): number => (count === 0 ? 0 : part / count);
  const stats: ObjectStats = {
    kind: "objects",
    name,
    ...imageStats(dataset.images),
    report: dataset.report,
    classes: dataset.classes.map((className, label) => ({
      name: className,
      objects: sidesOf[label]!.length,
      images: images[label]!,
      share: share(sidesOf[label]!.length),
      medianSide: median(sidesOf[label]!),
    })),
    perImage: spreadOf(values.perImage),
    sides: spreadOf(sides),
    ratios: spreadOf(values.widths.map((width, i) => width / values.heights[i]!)),
    areas: { small: share(areas.small), medium: share(areas.medium), large: share(areas.large) },
  };
  return { stats, values };
}

const COMMONEST = 8;

export function imageStats(images: readonly Size[]) {
  const counts = new Map<string, { width: number; height: number; images: number }>();
  for (const { width, height } of images) {
    const size = counts.get(`${width}×${height}`);
    if (size === undefined) counts.set(`${width}×${height}`, { width, height, images: 1 });
    else size.images++;
  }
  return {
    images: images.length,
    widths: spreadOf(images.map(({ width }) => width)),
    heights: spreadOf(images.map(({ height }) => height)),
    sizes: [...counts.values()].sort((a, b) => b.images - a.images).slice(0, COMMONEST),
  };
}
