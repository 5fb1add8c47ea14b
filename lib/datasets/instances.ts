import { rleArea, rleBoxXyxy } from "../masks/rle.js";
import { cropRle } from "../masks/transforms.js";
import type { Instances } from "./types.js";

/** The objects at these indices, in their order. */
export function selectInstances(instances: Instances, kept: readonly number[]): Instances {
  return {
    boxes: Float32Array.from(kept.flatMap((i) => Array.from(instances.boxes.subarray(i * 4, i * 4 + 4)))),
    labels: Int32Array.from(kept, (i) => instances.labels[i]!),
    crowd: Uint8Array.from(kept, (i) => instances.crowd[i]!),
    areas: Float32Array.from(kept, (i) => instances.areas[i]!),
    ids: Float64Array.from(kept, (i) => instances.ids[i]!),
    masks: kept.map((i) => instances.masks[i]),
  };
}

export function joinInstances(parts: readonly Instances[]): Instances {
  return {
    boxes: Float32Array.from(parts.flatMap(({ boxes }) => Array.from(boxes))),
    labels: Int32Array.from(parts.flatMap(({ labels }) => Array.from(labels))),
    crowd: Uint8Array.from(parts.flatMap(({ crowd }) => Array.from(crowd))),
    areas: Float32Array.from(parts.flatMap(({ areas }) => Array.from(areas))),
    ids: Float64Array.from(parts.flatMap(({ ids }) => Array.from(ids))),
    masks: parts.flatMap(({ masks }) => masks),
  };
}

/** Masks on another canvas, cut or padded with nothing. @param at where their origin is on it; default its own */
export function placeMasks(
  masks: Instances["masks"],
  canvas: { readonly width: number; readonly height: number },
  at: { readonly x: number; readonly y: number } = { x: 0, y: 0 },
): Instances["masks"] {
  const { width, height } = canvas;
  return masks.map((mask) => mask && cropRle(mask, { x: -at.x, y: -at.y, width, height }));
}

/** Makes boxes tight around their masks, without objects whose mask is empty; boxes without a mask are unchanged. */
export function tightenBoxes(instances: Instances): Instances {
  const boxes = instances.boxes.slice();
  const kept: number[] = [];
  for (const [i, mask] of instances.masks.entries()) {
    if (mask !== undefined && rleArea(mask) === 0) continue;
    if (mask !== undefined) boxes.set(rleBoxXyxy(mask), i * 4);
    kept.push(i);
  }
  return selectInstances({ ...instances, boxes }, kept);
}

/** Boxes moved by whole or fractional pixels and clipped to width × height; none are left out. */
export function moveBoxes(
  boxes: Float32Array,
  by: { readonly x: number; readonly y: number },
  limits: { readonly width: number; readonly height: number },
): Float32Array {
  return boxes.map((value, i) =>
    i % 2 === 0
      ? Math.min(Math.max(value + by.x, 0), limits.width)
      : Math.min(Math.max(value + by.y, 0), limits.height),
  );
}

/** The objects whose box has an area. */
export function withExtent({ boxes, labels }: Pick<Instances, "boxes" | "labels">): number[] {
  return Array.from(labels.keys()).filter(
    (i) => boxes[i * 4 + 2]! > boxes[i * 4]! && boxes[i * 4 + 3]! > boxes[i * 4 + 1]!,
  );
}
