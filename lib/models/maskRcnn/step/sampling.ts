import type { DetectionBatch } from "../../../datasets/loader/batch.js";
import type { Random } from "../../../random.js";
import { rpnProposals } from "../../../regions/proposals.js";
import { type RoiTargets, roiTargets } from "../../../regions/roiTargets.js";
import type { RpnTargets } from "../../../regions/rpnTargets.js";
import type { MaskRcnn } from "../model.js";
import { DELTAS, LOGITS } from "../programs.js";
import { roiTargetOptions } from "../targets.js";
import type { Features } from "./features.js";

export interface SamplingOptions {
  readonly model: MaskRcnn;
  /** Proposals of each image, boxes [n · 4], instead of those of the model's own region proposal head. */
  readonly proposals?: (batch: DetectionBatch) => readonly Float32Array[];
  /** Called with every step's sampled RoIs and anchors and the proposals, boxes [n · 4], one entry per image. */
  readonly onSampled?: (
    rois: readonly RoiTargets[],
    anchors: readonly RpnTargets[],
    proposals: readonly Float32Array[],
  ) => void;
}

/**
 * Chooses proposals, assigns them to the annotated boxes and samples those that the box and mask heads are trained on.
 */
export function sampleRois(
  { model, proposals, onSampled }: SamplingOptions,
  batch: DetectionBatch,
  features: Features,
  random: Random,
): readonly RoiTargets[] {
  const boxes = proposals?.(batch) ?? batch.meta.map((size, image) => proposedBoxes(model, features, image, size));
  const targets = batch.instances.map((instances, i) =>
    roiTargets(boxes[i]!, instances, model.classes, random, roiTargetOptions(model.config)),
  );
  onSampled?.(targets, features.anchors, boxes);
  return targets;
}

/** What the region proposal head proposes for one image of the batch. */
function proposedBoxes(
  { config }: MaskRcnn,
  { shape, programs: { anchors }, outputs }: Features,
  image: number,
  { height, width }: { readonly height: number; readonly width: number },
): Float32Array {
  const part = (name: string): Float32Array => {
    const all = outputs[name] as Float32Array;
    const size = all.length / shape.batch;
    return all.subarray(image * size, (image + 1) * size);
  };
  const predictions = anchors.levels.map((_, l) => ({ logits: part(`${LOGITS}${l}`), deltas: part(`${DELTAS}${l}`) }));
  const { trainPerLevel, maxPerImage, nms, minSize } = config.rpn;
  const limits = { perLevel: trainPerLevel, perImage: maxPerImage, iouThreshold: nms, minSize };
  return rpnProposals(predictions, anchors, { height, width, ...limits }).boxes;
}
