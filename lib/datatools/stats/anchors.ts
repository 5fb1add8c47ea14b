import type { Config, DetectionConfig } from "../../config/schema.js";
import type { DetectionDataset } from "../../datasets/types.js";
import { maskRcnn } from "../../models/maskRcnn/model.js";
import { baseAnchors } from "../../regions/anchors.js";
import { trainingLoader } from "../../tasks/data.js";
import { MEDIUM, SMALL } from "./objects.js";
import { median } from "./spread.js";
import type { AnchorStats, Coverage, StatsOptions } from "./types.js";

export interface BestAnchor {
  readonly iou: number;
  readonly stride: number;
  /** Height over width. */
  readonly ratio: number;
}

export interface AnchorGrid {
  readonly strides: readonly number[];
  /** Side of a square anchor divided by its stride. */
  readonly scale: number;
  /** Height over width. */
  readonly ratios: readonly number[];
}

/**
 * The anchor that overlaps a box most, of all that begin within an image. Among anchors of one shape it is the one with
 * the nearest centre, so not all of the grid need be tried.
 *
 * @param box x1 y1 x2 y2 in the image's pixels
 */
export function bestAnchor(
  box: readonly [number, number, number, number],
  image: { readonly width: number; readonly height: number },
  { strides, scale, ratios }: AnchorGrid,
): BestAnchor {
  const [x1, y1, x2, y2] = box;
  let best: BestAnchor = { iou: 0, stride: strides[0] ?? 0, ratio: ratios[0] ?? 1 };
  for (const stride of strides) {
    const left = nearest((x1 + x2) / 2, stride, image.width);
    const top = nearest((y1 + y2) / 2, stride, image.height);
    const shapes = baseAnchors(stride, { scales: [scale], ratios });
    for (const [r, ratio] of ratios.entries()) {
      const [ax1, ay1, ax2, ay2] = shapes.subarray(4 * r, 4 * r + 4) as unknown as [number, number, number, number];
      const width = Math.min(x2, left + ax2) - Math.max(x1, left + ax1);
      const height = Math.min(y2, top + ay2) - Math.max(y1, top + ay1);
      if (width <= 0 || height <= 0) continue;
      const shared = width * height;
      const iou = shared / ((x2 - x1) * (y2 - y1) + (ax2 - ax1) * (ay2 - ay1) - shared);
      if (iou > best.iou) best = { iou, stride, ratio };
    }
  }
  return best;
}

/** The anchor centre nearest to `at`: centres are at multiples of the stride, within the image. */
function nearest(at: number, stride: number, side: number): number {
  const last = Math.ceil(side / stride) - 1;
  return Math.min(Math.max(Math.round(at / stride), 0), last) * stride;
}

interface Tried extends BestAnchor {
  readonly area: number;
  readonly label: number;
}

/** Whether a config's model proposes regions. */
export const hasAnchors = (config: Config): config is DetectionConfig => "rpn" in config.model.head;

/** Tries a config's anchors on the boxes of training batches, as the loader makes them. */
export async function anchorStats(
  dataset: DetectionDataset,
  config: DetectionConfig,
  { anchorImages = 300, signal, onEvent }: StatsOptions,
): Promise<{ readonly stats: AnchorStats; readonly ious: readonly number[] }> {
  const masks = config.model.head.mask !== false && dataset.hasMasks;
  const { strides } = maskRcnn(config.model, dataset.classes.length, false);
  const { anchorScale, anchorRatios, positiveIou, minPositiveIou } = config.model.head.rpn;
  const grid = { strides, scale: anchorScale, ratios: anchorRatios };
  const total = Math.min(anchorImages, dataset.length);
  const loader = trainingLoader(dataset, config, { masks });
  const tried: Tried[] = [];
  const seen = new Set<number>(); // an epoch's last batch may be filled up with images of the first
  try {
    for await (const { meta, instances, indices } of loader.epoch()) {
      signal?.throwIfAborted();
      for (const [i, image] of meta.entries()) {
        if (seen.size === total || seen.has(indices[i]!)) continue;
        seen.add(indices[i]!);
        const { boxes, labels, crowd } = instances[i]!;
        for (const [k, label] of labels.entries()) {
          if (crowd[k] === 1) continue;
          const box = boxes.subarray(4 * k, 4 * k + 4) as unknown as [number, number, number, number];
          const area = (box[2] - box[0]) * (box[3] - box[1]);
          if (area > 0) tried.push({ ...bestAnchor(box, image, grid), area, label });
        }
        onEvent?.({ type: "progress", what: "trying anchors", done: seen.size, total });
      }
      if (seen.size === total) break;
    }
  } finally {
    await loader.dispose();
  }
  const coverage = (name: string, boxes: readonly Tried[]): Coverage => ({
    name,
    boxes: boxes.length,
    medianIou: median(boxes.map(({ iou }) => iou)),
    positive: shareOf(boxes, ({ iou }) => iou >= positiveIou),
    reached: shareOf(boxes, ({ iou }) => iou >= minPositiveIou),
  });
  const stats: AnchorStats = {
    images: seen.size,
    positiveIou,
    minPositiveIou,
    all: coverage("all", tried),
    byArea: [
      coverage(
        "small, below 32²",
        tried.filter(({ area }) => area < SMALL),
      ),
      coverage(
        "medium, below 96²",
        tried.filter(({ area }) => area >= SMALL && area < MEDIUM),
      ),
      coverage(
        "large",
        tried.filter(({ area }) => area >= MEDIUM),
      ),
    ],
    byClass: dataset.classes.map((name, label) =>
      coverage(
        name,
        tried.filter((box) => box.label === label),
      ),
    ),
    byStride: strides.map((stride) => ({ stride, boxes: tried.filter((box) => box.stride === stride).length })),
    byRatio: anchorRatios.map((ratio) => ({ ratio, boxes: tried.filter((box) => box.ratio === ratio).length })),
  };
  return { stats, ious: tried.map(({ iou }) => iou) };
}

function shareOf<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.length === 0 ? 0 : items.filter(holds).length / items.length;
}
