import type { AttributesOf } from "../../../lib/graph/index.js";
import { at, build, type Reference, type Tensor, zerosOf } from "./tensor.js";

export const topK: Reference<AttributesOf<"topK">> = ([x], { k }) => {
  const n = x!.shape.at(-1)!;
  const shape = [...x!.shape.slice(0, -1), Math.min(k, n)];
  const ranked = (outer: readonly number[]) => {
    const row = Array.from({ length: n }, (_, i) => at(x!, [...outer, i]));
    return row.map((value, i) => ({ value, i })).sort((a, b) => b.value - a.value || a.i - b.i);
  };
  return [
    build(shape, (index) => ranked(index.slice(0, -1))[index.at(-1)!]!.value),
    build(shape, (index) => ranked(index.slice(0, -1))[index.at(-1)!]!.i),
  ];
};

type Box = readonly [x1: number, y1: number, x2: number, y2: number];

function boxOf(boxes: Tensor, ...outer: number[]): Box {
  const corner = (i: number) => at(boxes, [...outer, i]);
  return [corner(0), corner(1), corner(2), corner(3)];
}

const areaOf = ([x1, y1, x2, y2]: Box) => Math.max(0, x2 - x1) * Math.max(0, y2 - y1);

function overlapOf(a: Box, b: Box): number {
  const shared = areaOf([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  const union = areaOf(a) + areaOf(b) - shared;
  return union === 0 ? 0 : shared / union;
}

export const nonMaximumSuppression: Reference<AttributesOf<"nonMaximumSuppression">> = (
  [boxes, scores],
  { iouThreshold, scoreThreshold, maxKept },
) => {
  const [groups, n] = scores!.shape as [number, number];
  const mask = zerosOf([groups, n]);
  for (let group = 0; group < groups; group++) {
    const order = Array.from({ length: n }, (_, i) => i)
      .filter((i) => at(scores!, [group, i]) > scoreThreshold)
      .sort((a, b) => at(scores!, [group, b]) - at(scores!, [group, a]) || a - b);
    const here: number[] = [];
    for (const i of order) {
      const free = here.every((j) => overlapOf(boxOf(boxes!, group, i), boxOf(boxes!, group, j)) <= iouThreshold);
      if (free && here.length < maxKept) here.push(i);
    }
    for (const i of here) mask.data[group * n + i] = 1;
  }
  return [mask];
};

/** Bilinear sampling: 0 more than a pixel outside the map, otherwise clamped to its border. */
function sample(map: Tensor, [n, c]: readonly [number, number], y: number, x: number): number {
  const [height, width] = map.shape.slice(2) as [number, number];
  if (y < -1 || y > height || x < -1 || x > width) return 0;
  const row = Math.min(height - 1, Math.max(0, y));
  const column = Math.min(width - 1, Math.max(0, x));
  const [top, left] = [Math.floor(row), Math.floor(column)];
  const [bottom, right] = [Math.min(height - 1, top + 1), Math.min(width - 1, left + 1)];
  const pixel = (i: number, j: number) => at(map, [n, c, i, j]);
  const upper = pixel(top, left) * (1 - (column - left)) + pixel(top, right) * (column - left);
  const lower = pixel(bottom, left) * (1 - (column - left)) + pixel(bottom, right) * (column - left);
  return upper * (1 - (row - top)) + lower * (row - top);
}

export const roiAlign: Reference<AttributesOf<"roiAlign">> = (inputs, { outputSize, scales, samplingRatio }) => {
  const [rois, images, levels] = inputs.slice(-3) as [Tensor, Tensor, Tensor];
  const [rows, columns] = outputSize;
  return [
    build([rois.shape[0]!, inputs[0]!.shape[1]!, rows, columns], ([r, c, row, column]) => {
      const level = scales.length === 1 ? 0 : levels.data[r!]!;
      const [x1, y1, x2, y2] = boxOf(rois, r!).map((v) => v * scales[level]! - 0.5) as [number, number, number, number];
      const [height, width] = [(y2 - y1) / rows, (x2 - x1) / columns];
      const across = samplingRatio > 0 ? samplingRatio : Math.ceil(width);
      const down = samplingRatio > 0 ? samplingRatio : Math.ceil(height);
      let total = 0;
      for (let i = 0; i < down; i++) {
        for (let j = 0; j < across; j++) {
          const y = y1 + (row! + (i + 0.5) / down) * height;
          const x = x1 + (column! + (j + 0.5) / across) * width;
          total += sample(inputs[level]!, [images.data[r!]!, c!], y, x);
        }
      }
      return total / Math.max(1, down * across);
    }),
  ];
};

/** The rows that count; the others are zero. */
export const truncate: Reference<unknown> = ([x, count]) => [
  build(x!.shape, (index) => (index[0]! < count!.data[0]! ? at(x!, index) : 0)),
];
