import type { Instances } from "../../datasets/types.js";
import type { MaskRcnnConfig } from "../../heads/index.js";
import { maskTargets } from "../../masks/targets.js";
import { gatherBoxes } from "../../regions/boxes.js";
import { roiLevels } from "../../regions/levels.js";
import type { RoiTargetOptions, RoiTargets } from "../../regions/roiTargets.js";
import type { RpnTargetOptions } from "../../regions/rpnTargets.js";

export function rpnTargetOptions({ rpn }: MaskRcnnConfig): RpnTargetOptions {
  const { positiveIou, negativeIou, minPositiveIou, samples, positiveFraction } = rpn;
  return { assign: { positiveIou, negativeIou, minPositiveIou }, sample: { count: samples, positiveFraction } };
}

export function roiTargetOptions({ roi }: MaskRcnnConfig): RoiTargetOptions {
  const { positiveIou, negativeIou, minPositiveIou, samples, positiveFraction, boxStds } = roi;
  const coding = { means: [0, 0, 0, 0], stds: boxStds } as const;
  return { assign: { positiveIou, negativeIou, minPositiveIou }, sample: { count: samples, positiveFraction }, coding };
}

/** RoIs as a program takes them. */
export interface RoiInputs {
  /** [R, 4] */
  readonly boxes: Float32Array;
  /** [R] */
  readonly images: Int32Array;
  /** [R] */
  readonly levels: Int32Array;
}

/** The sampled RoIs of a batch with their targets as inputs of the box program; unused places have weight 0. */
export interface BoxInputs extends RoiInputs {
  /** int32 [R] class, the background last. */
  readonly labels: Int32Array;
  /** [R] 1 / number of RoIs, times the weight of the class. */
  readonly weights: Float32Array;
  /** [R, classes] one-hot of the class for positives. */
  readonly classes: Float32Array;
  /** [R, 4] */
  readonly deltas: Float32Array;
  /** [R] 1 / number of RoIs for positives, else 0. */
  readonly deltaWeights: Float32Array;
}

export interface RoiLayout {
  /** R, at least the number of RoIs of all images. */
  readonly places: number;
  readonly classes: number;
  readonly levels: number;
  readonly finestScale: number;
  /** [classes] of the class loss, in training; default all 1. The background has 1. */
  readonly classWeights?: readonly number[] | undefined;
}

export function boxInputs(targets: readonly RoiTargets[], layout: RoiLayout): BoxInputs {
  const { places, classes, classWeights } = layout;
  const boxes = new Float32Array(places * 4);
  const inputs = {
    boxes,
    images: new Int32Array(places),
    labels: new Int32Array(places).fill(classes),
    weights: new Float32Array(places),
    classes: new Float32Array(places * classes),
    deltas: new Float32Array(places * 4),
    deltaWeights: new Float32Array(places),
  };
  const weight =
    1 /
    Math.max(
      1,
      targets.reduce((n, { labels }) => n + labels.length, 0),
    );
  let place = 0;
  targets.forEach(({ rois, labels, positives, deltas }, image) => {
    boxes.set(rois, 4 * place);
    inputs.labels.set(labels, place);
    inputs.deltas.set(deltas, 4 * place);
    inputs.images.fill(image, place, place + labels.length);
    inputs.weights.fill(weight, place, place + labels.length);
    if (classWeights !== undefined) {
      for (const [i, label] of labels.entries()) inputs.weights[place + i]! *= classWeights[label] ?? 1;
    }
    inputs.deltaWeights.fill(weight, place, place + positives);
    for (let i = 0; i < positives; i++) inputs.classes[(place + i) * classes + labels[i]!] = 1;
    place += labels.length;
  });
  return { ...inputs, levels: roiLevels(boxes, layout.levels, layout.finestScale) };
}

/** The positive RoIs of a batch whose objects have masks, with their mask targets as inputs of the mask program. */
export interface MaskInputs extends RoiInputs {
  /** int32 [M] the index, among the M · classes maps, of the map of RoI m and its class. */
  readonly rows: Int32Array;
  /** [M, size, size] 0 or 1 */
  readonly targets: Float32Array;
  /** [M] 1 / (number of such RoIs · size²) */
  readonly weights: Float32Array;
}

/** @param places M, at least `maskedPositives`; @param size the side of a mask target */
export function maskInputs(
  targets: readonly RoiTargets[],
  instances: readonly Instances[],
  { places, classes, levels, finestScale }: RoiLayout,
  size: number,
): MaskInputs {
  const boxes = new Float32Array(places * 4);
  const images = new Int32Array(places);
  const rows = new Int32Array(places);
  const all = new Float32Array(places * size * size);
  const weights = new Float32Array(places);
  const masked = maskedPositives(targets, instances);
  let place = 0;
  targets.forEach((target, image) => {
    const { masks } = instances[image]!;
    const chosen = withMask(target, masks);
    const end = place + chosen.length;
    const own = gatherBoxes(target.rois, chosen);
    boxes.set(own, 4 * place);
    images.fill(image, place, end);
    weights.fill(1 / (masked * size * size), place, end);
    chosen.forEach((i, k) => {
      rows[place + k] = (place + k) * classes + target.labels[i]!;
    });
    const output = all.subarray(place * size * size, end * size * size);
    maskTargets({ masks, boxes: own, matched: chosen.map((i) => target.matched[i]!), size, output });
    place = end;
  });
  return { boxes, images, levels: roiLevels(boxes, levels, finestScale), rows, targets: all, weights };
}

/** How many positive RoIs of a batch have a mask target: an object may have only a box. */
export function maskedPositives(targets: readonly RoiTargets[], instances: readonly Instances[]): number {
  return targets.reduce((n, target, image) => n + withMask(target, instances[image]!.masks).length, 0);
}

function withMask({ positives, matched }: RoiTargets, masks: Instances["masks"]): Int32Array {
  return Int32Array.from({ length: positives }, (_, i) => i).filter((i) => masks[matched[i]!] !== undefined);
}
