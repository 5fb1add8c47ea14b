import type { Random } from "../random.js";
import { type Anchors, validAnchors } from "./anchors.js";
import { type AssignOptions, assignByIou } from "./assign.js";
import { gatherBoxes, whereCrowd } from "./boxes.js";
import { encodeDeltas, RPN_CODING } from "./deltas.js";
import { type SampleOptions, sampleBalanced } from "./sample.js";

export interface RpnTargetOptions {
  readonly assign: AssignOptions;
  readonly sample: SampleOptions;
}

export interface RpnTargets {
  /** Sampled anchors, positives first: indices over all levels in the order of `Anchors`. */
  readonly indices: Int32Array;
  /** How many of them are positive: their objectness target is 1, the others' 0. */
  readonly positives: number;
  /** [positives * 4] the targets of the head's deltas. */
  readonly deltas: Float32Array;
}

/**
 * The training targets of the region proposal head for one image.
 *
 * Anchors may extend beyond the border; those of cells entirely in the batch's padding are left out.
 *
 * @param anchors of the batch's padded shape
 * @param image `boxes` [m * 4] xyxy in pixels; `crowd` [m], 1 = a region of many objects, which is not trained on (and
 *   is ignored if `assign.ignoreIof` is given); `height`, `width` the image's own size with its own padding
 */
export function rpnTargets(
  anchors: Anchors,
  image: {
    readonly boxes: Float32Array;
    readonly crowd: Uint8Array;
    readonly height: number;
    readonly width: number;
  },
  random: Random,
  options: RpnTargetOptions,
): RpnTargets {
  const truth = gatherBoxes(image.boxes, whereCrowd(image.crowd, 0));
  const { matched } = assignByIou(anchors.boxes, truth, {
    ...options.assign,
    crowd: gatherBoxes(image.boxes, whereCrowd(image.crowd, 1)),
    valid: validAnchors(anchors, image),
  });
  const { indices, positives } = sampleBalanced(matched, options.sample, random);

  const chosen = indices.subarray(0, positives);
  const deltas = new Float32Array(positives * 4);
  encodeDeltas({
    boxes: gatherBoxes(anchors.boxes, chosen),
    targets: gatherBoxes(
      truth,
      chosen.map((i) => matched[i]!),
    ),
    coding: RPN_CODING,
    out: deltas,
  });
  return { indices, positives, deltas };
}
