import type { Dataset } from "./types.js";

/** Some images of a data set, in the order given. Its report still tells of all. */
export function pickImages<D extends Dataset>(dataset: D, indices: Int32Array): D {
  const at = (i: number): number => indices[i]!;
  const picked = {
    ...dataset,
    length: indices.length,
    images: Array.from(indices, (i) => dataset.images[i]!),
    source: (i: number) => dataset.source(at(i)),
    load: (i: number) => dataset.load(at(i)),
  };
  if (dataset.kind === "classification")
    return { ...picked, labels: Int32Array.from(indices, (i) => dataset.labels[i]!) };
  if (dataset.kind === "detection") return { ...picked, instances: (i: number) => dataset.instances(at(i)) };
  return { ...picked, loadLabelMap: (i: number) => dataset.loadLabelMap(at(i)) };
}

/** The first `count` images of a data set, or the set itself if it has no more. Its report still covers all. */
export function limitDataset<D extends Dataset>(dataset: D, count: number): D {
  if (dataset.length <= count) return dataset;
  const labels = dataset.kind === "classification" ? { labels: dataset.labels.subarray(0, count) } : {};
  return { ...dataset, length: count, images: dataset.images.slice(0, count), ...labels };
}
