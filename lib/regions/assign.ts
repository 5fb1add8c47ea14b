import { overlap } from "./iou.js";

/** In `Assignment.matched`: the box is background. */
export const NEGATIVE = -1;
/** In `Assignment.matched`: the box is not used in training. */
export const IGNORED = -2;

export interface AssignOptions {
  /** A box whose best IoU is at least this is positive. */
  readonly positiveIou: number;
  /** A box whose best IoU is below this is negative; between the two it is ignored. */
  readonly negativeIou: number;
  /** The smallest IoU of a low-quality match. Default 0. */
  readonly minPositiveIou?: number;
  /** Whether each true box also takes the boxes that overlap it most. Default true. */
  readonly matchLowQuality?: boolean;
  /** Whether all boxes that tie for a true box's best overlap are taken, or only the first. Default true. */
  readonly assignAllTies?: boolean;
  /** Boxes whose intersection with a crowd region over their own area is above this are ignored. Default: none are. */
  readonly ignoreIof?: number;
}

export interface Assignment {
  /** [n] index of the true box that a box should predict, or NEGATIVE, or IGNORED. */
  readonly matched: Int32Array;
  /** [n] its largest IoU with any true box; −1 if it was left out. */
  readonly bestIou: Float32Array;
}

/**
 * Assigns a true box, the background or nothing to each box by IoU thresholds (Faster R-CNN, Ren et al. 2015).
 *
 * With low-quality matching a true box takes the boxes that overlap it most even below `positiveIou`; if several true
 * boxes claim the same box in this way, the last gets it. A true box that overlaps no box claims none.
 *
 * @param boxes [n * 4] xyxy
 * @param truth [m * 4] xyxy; m may be 0: then everything is background
 * @param options also `crowd` [k * 4], regions for `ignoreIof`; `valid` [n], 0 leaves a box out (IGNORED)
 */
export function assignByIou(
  boxes: Float32Array,
  truth: Float32Array,
  options: AssignOptions & { readonly crowd?: Float32Array; readonly valid?: Uint8Array },
): Assignment {
  const n = boxes.length / 4;
  const bestIou = new Float32Array(n);
  leaveOut(boxes, bestIou, options);
  const bestTruth = new Int32Array(n);
  const claims = claimByOverlap(boxes, truth, bestIou, bestTruth, options);

  const matched = new Int32Array(n).fill(IGNORED);
  for (let i = 0; i < n; i++) {
    const iou = bestIou[i]!;
    if (truth.length > 0 && iou >= options.positiveIou) matched[i] = bestTruth[i]!;
    else if (iou >= 0 && (iou < options.negativeIou || truth.length === 0)) matched[i] = NEGATIVE;
  }
  for (const { truth: g, boxes: claimed } of claims) for (const i of claimed) matched[i] = g;
  return { matched, bestIou };
}

function leaveOut(
  boxes: Float32Array,
  bestIou: Float32Array,
  options: AssignOptions & { readonly crowd?: Float32Array; readonly valid?: Uint8Array },
): void {
  const { valid, crowd, ignoreIof } = options;
  for (let i = 0; valid !== undefined && i < bestIou.length; i++) if (valid[i] === 0) bestIou[i] = -1;
  if (crowd === undefined || ignoreIof === undefined) return;
  for (let i = 0; i < bestIou.length; i++) {
    for (let c = 0; c < crowd.length; c += 4) {
      if (overlap(boxes, 4 * i, crowd, c, "iof") > ignoreIof) bestIou[i] = -1;
    }
  }
}

/** The boxes that overlap a true box most. */
interface Claim {
  readonly truth: number;
  iou: number;
  boxes: number[];
}

/** Fills `bestIou` and `bestTruth` box by box; returns what each true box claims by low-quality matching. */
function claimByOverlap(
  boxes: Float32Array,
  truth: Float32Array,
  bestIou: Float32Array,
  bestTruth: Int32Array,
  options: AssignOptions,
): Claim[] {
  const { minPositiveIou = 0, matchLowQuality = true, assignAllTies = true } = options;
  const claims = Array.from({ length: truth.length / 4 }, (_, t): Claim => ({ truth: t, iou: 0, boxes: [] }));
  for (let i = 0, k = 0; i < bestIou.length; i++, k += 4) {
    if (bestIou[i]! < 0) continue;
    const left = boxes[k]!;
    const top = boxes[k + 1]!;
    const right = boxes[k + 2]!;
    const bottom = boxes[k + 3]!;
    for (let t = 0; t < truth.length; t += 4) {
      // Most anchors do not overlap: skip the division.
      if (truth[t]! >= right || truth[t + 2]! <= left || truth[t + 1]! >= bottom || truth[t + 3]! <= top) continue;
      const iou = overlap(boxes, k, truth, t, "iou");
      if (iou > bestIou[i]!) {
        bestIou[i] = iou;
        bestTruth[i] = t / 4;
      }
      const claim = claims[t / 4]!;
      if (iou > claim.iou) {
        claim.iou = iou;
        claim.boxes = [i];
      } else if (iou === claim.iou && iou > 0 && assignAllTies) claim.boxes.push(i);
    }
  }
  return claims.filter(({ iou }) => matchLowQuality && iou > 0 && iou >= minPositiveIou);
}
