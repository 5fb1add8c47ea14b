import type { Random } from "../random.js";
import { type AssignOptions, assignByIou } from "./assign.js";
import { gatherBoxes, whereCrowd } from "./boxes.js";
import { type DeltaCoding, encodeDeltas, ROI_CODING } from "./deltas.js";
import { type SampleOptions, sampleBalanced } from "./sample.js";

export interface RoiTargetOptions {
  readonly assign: AssignOptions;
  readonly sample: SampleOptions;
  /** The coding of the box head's deltas. Default the published one. */
  readonly coding?: DeltaCoding;
}

export interface RoiTargets {
  /** [k * 4] xyxy, image pixels: the positives, then the background. */
  readonly rois: Float32Array;
  readonly positives: number;
  /** [k] class, `classes` for the background. */
  readonly labels: Int32Array;
  /** [positives * 4] what the box head's deltas of the RoI's class should be. */
  readonly deltas: Float32Array;
  /** [positives] index into the image's boxes: the object with the mask that the RoI should predict. */
  readonly matched: Int32Array;
}

/**
 * The training targets of the box and mask heads for one image: a sample of the true boxes and proposals.
 *
 * The true boxes come first and are assigned to themselves; proposals are assigned by IoU with the true boxes. True
 * boxes without area cannot be coded and are left out.
 *
 * @param proposals [n * 4] xyxy, image pixels
 * @param image `boxes` [m * 4] xyxy; `labels` [m] 0 … classes − 1; `crowd` [m], 1 = a region of many objects, which is
 *   not trained on (and is ignored if `assign.ignoreIof` is given)
 */
export function roiTargets(
  proposals: Float32Array,
  image: { readonly boxes: Float32Array; readonly labels: Int32Array; readonly crowd: Uint8Array },
  classes: number,
  random: Random,
  options: RoiTargetOptions,
): RoiTargets {
  const single = whereCrowd(image.crowd, 0).filter((i) => hasArea(image.boxes, i));
  const truth = gatherBoxes(image.boxes, single);
  const assignment = assignByIou(proposals, truth, {
    ...options.assign,
    crowd: gatherBoxes(image.boxes, whereCrowd(image.crowd, 1)),
  });
  const candidates = Float32Array.of(...truth, ...proposals);
  const matched = Int32Array.of(...single.keys(), ...assignment.matched);
  const { indices, positives } = sampleBalanced(matched, options.sample, random);

  const rois = gatherBoxes(candidates, indices);
  const own = indices.subarray(0, positives).map((i) => matched[i]!);
  const deltas = new Float32Array(positives * 4);
  const targets = gatherBoxes(truth, own);
  encodeDeltas({ boxes: rois.subarray(0, positives * 4), targets, coding: options.coding ?? ROI_CODING, out: deltas });
  const trueIndices = own.map((t) => single[t]!);
  const labels = new Int32Array(indices.length).fill(classes);
  trueIndices.forEach((t, i) => {
    labels[i] = image.labels[t]!;
  });
  return { rois, positives, labels, deltas, matched: trueIndices };
}

function hasArea(boxes: Float32Array, i: number): boolean {
  return boxes[4 * i + 2]! > boxes[4 * i]! && boxes[4 * i + 3]! > boxes[4 * i + 1]!;
}
