import { availableParallelism } from "node:os";
import pMap from "p-map";
import type { SegmentationDataset } from "../../datasets/types.js";
import { IGNORED_LABEL } from "../../pixels/image.js";
import { imageStats } from "./objects.js";
import { median, spreadOf } from "./spread.js";
import type { PixelStats, StatsOptions } from "./types.js";

/** Number of classes present in each image, for the plot. */
export interface PixelValues {
  readonly perImage: readonly number[];
}

/** Counts every label map's pixels. */
export async function pixelStats(
  dataset: SegmentationDataset,
  name: string,
  { signal, onEvent }: Pick<StatsOptions, "signal" | "onEvent">,
): Promise<{ readonly stats: PixelStats; readonly values: PixelValues }> {
  const { classes, length } = dataset;
  let done = 0;
  const counts = await pMap(
    Array.from({ length }, (_, index) => index),
    async (index) => {
      const count = new Float64Array(256);
      for (const label of (await dataset.loadLabelMap(index)).data) count[label]!++;
      onEvent?.({ type: "progress", what: `counting ${name}`, done: ++done, total: length });
      return count;
    },
    { concurrency: availableParallelism(), ...(signal !== undefined && { signal }) },
  );
  const labelled = counts.map((count) => count.subarray(0, IGNORED_LABEL).reduce((a, b) => a + b, 0));
  const total = labelled.reduce((a, b) => a + b, 0);
  const ignored = counts.reduce((sum, count) => sum + count[IGNORED_LABEL]!, 0);
  const perImage = counts.map((count) => count.subarray(0, IGNORED_LABEL).filter((pixels) => pixels > 0).length);
  const stats: PixelStats = {
    kind: "pixels",
    name,
    ...imageStats(dataset.images),
    classes: classes.map((className, label) => {
      const shares = counts.flatMap((count, i) => (count[label]! > 0 ? [count[label]! / labelled[i]!] : []));
      const pixels = counts.reduce((sum, count) => sum + count[label]!, 0);
      const share = total === 0 ? 0 : pixels / total;
      return { name: className, images: shares.length, share, medianShare: median(shares) };
    }),
    classesPerImage: spreadOf(perImage),
    ignored: total + ignored === 0 ? 0 : ignored / (total + ignored),
  };
  return { stats, values: { perImage } };
}
