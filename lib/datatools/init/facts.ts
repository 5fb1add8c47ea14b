import { join } from "node:path";
import { readCocoFile } from "../../datasets/cocoFile.js";
import { readImageSize } from "../../images/decode.js";
import { type DataSource, openSource } from "../../tasks/sources.js";

/** What a training set is like, as far as a recipe depends on it. Sizes are in pixels of the images. */
export interface Facts {
  readonly images: number;
  /** Medians of the longer and the shorter side. */
  readonly long: number;
  readonly short: number;
  /** Median of the square root of a box's area; undefined where there are no boxes. */
  readonly object?: number;
}

/** Of how many images the size is read, where no file gives it. */
const MOST_READ = 200;

/** @throws UserError like the readers */
export async function factsOf(source: DataSource): Promise<Facts> {
  const dataset = await openSource(source);
  const files = dataset.images.map(({ file }) => join(source.images, file));
  const step = Math.max(1, Math.ceil(files.length / MOST_READ));
  const sizes: { readonly width: number; readonly height: number }[] = [];
  for (let i = 0; i < files.length; i += step) sizes.push(await readImageSize(files[i]!));
  const object = source.kind === "coco" ? await medianObject(source.annotations) : undefined;
  return {
    images: files.length,
    long: median(sizes.map(({ width, height }) => Math.max(width, height))),
    short: median(sizes.map(({ width, height }) => Math.min(width, height))),
    ...(object !== undefined && { object }),
  };
}

async function medianObject(file: string): Promise<number | undefined> {
  const { annotations } = await readCocoFile(file);
  const sides = annotations.flatMap((entry) => {
    const box = (entry as { readonly bbox?: readonly number[] }).bbox; // checked before
    return box === undefined ? [] : [Math.sqrt(box[2]! * box[3]!)];
  });
  return sides.length === 0 ? undefined : median(sides);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
