import type { DetectionDataset } from "../../datasets/types.js";
import type { Size } from "../../images/picture.js";
import { median, spreadOf } from "./spread.js";
import type { ObjectStats } from "./types.js";

/** What the plots are drawn from: one value an object, crowds left out. */
export interface ObjectValues {
  readonly widths: readonly number[];
  readonly heights: readonly number[];
  readonly labels: readonly number[];
  readonly perPicture: readonly number[];
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
    perPicture: [] as number[],
  };
  const pictures = new Uint32Array(dataset.classes.length);
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
    values.perPicture.push(objects);
    for (const label of present) pictures[label]!++;
  }
  const count = values.labels.length;
  const sides = values.widths.map((width, i) => Math.sqrt(width * values.heights[i]!));
  const sidesOf = dataset.classes.map((): number[] => []);
  for (const [i, label] of values.labels.entries()) sidesOf[label]!.push(sides[i]!);
  const share = (part: number): number => (count === 0 ? 0 : part / count);
  const stats: ObjectStats = {
    kind: "objects",
    name,
    ...pictureStats(dataset.pictures),
    report: dataset.report,
    classes: dataset.classes.map((className, label) => ({
      name: className,
      objects: sidesOf[label]!.length,
      pictures: pictures[label]!,
      share: share(sidesOf[label]!.length),
      medianSide: median(sidesOf[label]!),
    })),
    perPicture: spreadOf(values.perPicture),
    sides: spreadOf(sides),
    ratios: spreadOf(values.widths.map((width, i) => width / values.heights[i]!)),
    areas: { small: share(areas.small), medium: share(areas.medium), large: share(areas.large) },
  };
  return { stats, values };
}

const COMMONEST = 8;

export function pictureStats(pictures: readonly Size[]) {
  const counts = new Map<string, { width: number; height: number; pictures: number }>();
  for (const { width, height } of pictures) {
    const size = counts.get(`${width}×${height}`);
    if (size === undefined) counts.set(`${width}×${height}`, { width, height, pictures: 1 });
    else size.pictures++;
  }
  return {
    pictures: pictures.length,
    widths: spreadOf(pictures.map(({ width }) => width)),
    heights: spreadOf(pictures.map(({ height }) => height)),
    sizes: [...counts.values()].sort((a, b) => b.pictures - a.pictures).slice(0, COMMONEST),
  };
}
