import type { Dataset } from "./types.js";

/** The first `count` images of a data set, or the set itself if it has no more. Its report still covers all. */
export function limitDataset<D extends Dataset>(dataset: D, count: number): D {
  if (dataset.length <= count) return dataset;
  const labels = dataset.kind === "classification" ? { labels: dataset.labels.subarray(0, count) } : {};
  return { ...dataset, length: count, images: dataset.images.slice(0, count), ...labels };
}
