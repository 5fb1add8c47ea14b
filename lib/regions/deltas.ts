type Four = readonly [number, number, number, number];

/** How boxes are coded relative to others: (offset of the centre over the size, log of the size ratio − mean) / std. */
export interface DeltaCoding {
  readonly means: Four;
  readonly stds: Four;
}

/** The coding of region proposals relative to anchors. */
export const RPN_CODING: DeltaCoding = { means: [0, 0, 0, 0], stds: [1, 1, 1, 1] };

/** The coding of detections relative to proposals. */
export const ROI_CODING: DeltaCoding = { means: [0, 0, 0, 0], stds: [0.1, 0.1, 0.2, 0.2] };

/** Decoded widths and heights stay within this factor, up or down, of the box they are coded relative to. */
const MAX_LOG_RATIO = Math.abs(Math.log(16 / 1000));

/**
 * Codes `targets` relative to `boxes` (R-CNN, Girshick et al. 2014). Boxes must have a positive width and height.
 *
 * @param options `boxes`, `targets` [n * 4] xyxy; `out` [n * 4] (dx, dy, dw, dh), overwritten
 */
export function encodeDeltas(options: {
  readonly boxes: Float32Array;
  readonly targets: Float32Array;
  readonly coding: DeltaCoding;
  readonly out: Float32Array;
}): void {
  const { boxes, targets, out } = options;
  const { means, stds } = options.coding;
  for (let k = 0; k < boxes.length; k += 4) {
    const width = boxes[k + 2]! - boxes[k]!;
    const height = boxes[k + 3]! - boxes[k + 1]!;
    const dx = (centre(targets, k) - centre(boxes, k)) / width;
    const dy = (centre(targets, k + 1) - centre(boxes, k + 1)) / height;
    const dw = Math.log((targets[k + 2]! - targets[k]!) / width);
    const dh = Math.log((targets[k + 3]! - targets[k + 1]!) / height);
    out[k] = (dx - means[0]) / stds[0];
    out[k + 1] = (dy - means[1]) / stds[1];
    out[k + 2] = (dw - means[2]) / stds[2];
    out[k + 3] = (dh - means[3]) / stds[3];
  }
}

/** In float32, as when the published models were trained. */
function centre(boxes: Float32Array, k: number): number {
  return Math.fround((boxes[k]! + boxes[k + 2]!) / 2);
}

/**
 * The boxes that `deltas` encode, the inverse of `encodeDeltas` up to two clips: log size ratios to ±|log(16/1000)|,
 * and coordinates to the image if `clip` gives its size.
 *
 * @param options `boxes` [n * 4] xyxy; `deltas` and `out` [n * classes * 4], `classes` (default 1) codes per box; `out`
 *   is overwritten and may be `deltas` itself
 */
export function decodeDeltas(options: {
  readonly boxes: Float32Array;
  readonly deltas: Float32Array;
  readonly coding: DeltaCoding;
  readonly clip?: { readonly height: number; readonly width: number };
  readonly classes?: number;
  readonly out: Float32Array;
}): void {
  const { boxes, deltas, out, clip, classes = 1 } = options;
  const { means, stds } = options.coding;
  const right = clip?.width ?? Number.POSITIVE_INFINITY;
  const bottom = clip?.height ?? Number.POSITIVE_INFINITY;
  const leftTop = clip === undefined ? Number.NEGATIVE_INFINITY : 0;
  for (let b = 0, k = 0; b < boxes.length; b += 4) {
    const width = boxes[b + 2]! - boxes[b]!;
    const height = boxes[b + 3]! - boxes[b + 1]!;
    const centreX = (boxes[b]! + boxes[b + 2]!) / 2;
    const centreY = (boxes[b + 1]! + boxes[b + 3]!) / 2;
    for (let c = 0; c < classes; c++, k += 4) {
      const x = centreX + width * (deltas[k]! * stds[0] + means[0]);
      const y = centreY + height * (deltas[k + 1]! * stds[1] + means[1]);
      const halfWidth =
        (width * Math.exp(clamp(deltas[k + 2]! * stds[2] + means[2], -MAX_LOG_RATIO, MAX_LOG_RATIO))) / 2;
      const halfHeight =
        (height * Math.exp(clamp(deltas[k + 3]! * stds[3] + means[3], -MAX_LOG_RATIO, MAX_LOG_RATIO))) / 2;
      out[k] = clamp(x - halfWidth, leftTop, right);
      out[k + 1] = clamp(y - halfHeight, leftTop, bottom);
      out[k + 2] = clamp(x + halfWidth, leftTop, right);
      out[k + 3] = clamp(y + halfHeight, leftTop, bottom);
    }
  }
}

function clamp(x: number, low: number, high: number): number {
  return Math.min(Math.max(x, low), high);
}
