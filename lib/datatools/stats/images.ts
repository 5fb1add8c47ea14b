import { availableParallelism } from "node:os";
import pMap from "p-map";
import type { ClassificationDataset } from "../../datasets/types.js";
import { readImageSize } from "../../images/decode.js";
import type { Size } from "../../pixels/image.js";
import { Random } from "../../random.js";
import type { ImageLabelsSource } from "../../tasks/sources.js";
import { imageStats } from "./objects.js";
import { spreadOf } from "./spread.js";
import type { ImageStats, StatsOptions } from "./types.js";

/** The data of the plots. */
export interface ImageValues {
  /** Number of images of each class. */
  readonly perClass: readonly number[];
  readonly sizes: readonly Size[];
}

/** Reading a size takes the whole file: from larger sets this many files are sampled at random. */
const MEASURED = 1500;

/** Counts the images of each class, and reads the sizes of all or of a sample of them. */
export async function imageLabelStats(
  dataset: ClassificationDataset,
  source: ImageLabelsSource,
  { signal, onEvent }: Pick<StatsOptions, "signal" | "onEvent">,
): Promise<{ readonly stats: ImageStats; readonly values: ImageValues }> {
  const { classes, labels, length } = dataset;
  const perClass = new Array<number>(classes.length).fill(0);
  for (const label of labels) perClass[label]!++;
  const chosen = Array.from(Random.of("stats", source.name).choose(length, Math.min(length, MEASURED)));
  let done = 0;
  const sizes = await pMap(
    chosen.sort((a, b) => a - b),
    async (index) => {
      const size = await readImageSize(dataset.source(index).path);
      onEvent?.({ type: "progress", what: `measuring ${source.name}`, done: ++done, total: chosen.length });
      return size;
    },
    { concurrency: availableParallelism(), ...(signal !== undefined && { signal }) },
  );
  const present = perClass.filter((count) => count > 0);
  const [fewest, most] = [present.reduce((a, b) => Math.min(a, b)), present.reduce((a, b) => Math.max(a, b))];
  const stats: ImageStats = {
    kind: "images",
    name: source.name,
    ...imageStats(sizes),
    images: length,
    measured: sizes.length,
    classes: classes.map((name, k) => ({ name, images: perClass[k]!, share: perClass[k]! / length })),
    perClass: spreadOf(perClass),
    imbalance: most / fewest,
    empty: classes.filter((_, k) => perClass[k] === 0),
  };
  return { stats, values: { perClass, sizes } };
}
