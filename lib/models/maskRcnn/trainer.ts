import type { DetectionBatch } from "../../datasets/loader/batch.js";
import type { Random } from "../../random.js";
import { loadRoiAlign } from "../../regions/roiAlignKernel.js";
import { gradientStore, storeBuffers } from "../bindings.js";
import type { Losses, StepOptions, Trainer, TrainerOptions } from "../model.js";
import type { StageOptions } from "./programs.js";
import { backwardHalf } from "./step/backward.js";
import { featureStage } from "./step/features.js";
import { roiStage } from "./step/roiHeads.js";
import { rpnStage } from "./step/rpn.js";
import { type SamplingOptions, sampleRois } from "./step/sampling.js";

export interface MaskRcnnTrainerOptions
  extends TrainerOptions,
    SamplingOptions,
    Pick<StageOptions, "imageMultiple" | "classWeights"> {}

/**
 * The training step of Mask R-CNN as a chain of programs. Features and proposals come first; the host picks the sampled
 * anchors' cells, selects proposals, assigns, samples and pools them; the programs of the three heads compute their
 * losses and the gradients with respect to what was picked or pooled; the host adds those up in the pyramid (RoIAlign's
 * gradient for the RoIs); the backward half of the first program does the rest.
 */
export function maskRcnnTrainer(options: MaskRcnnTrainerOptions): Trainer<DetectionBatch> {
  const { model, values } = options;
  const trained = model.parameters.filter(({ name, role }) => role !== "buffer" && !options.frozen(name));
  const parts: StageOptions = { ...options, trained };
  const align = loadRoiAlign();
  const features = featureStage(parts);
  const rpn = rpnStage(parts);
  const heads = roiStage(parts, align);
  const backward = backwardHalf(parts, align);

  return {
    async step(batch: DetectionBatch, { random, gradients }: StepOptions): Promise<Losses> {
      const into = gradientStore(gradients, values.trainable);
      const found = await features.run(batch, true, random);
      storeBuffers(found.outputs, values);
      const proposals = await rpn.run(found, true, into);
      const rois = sampleRois(options, batch, found, random);
      const { losses, pooled } = await heads.run(batch, found, rois, true, into);
      await backward.run(found, pooled, proposals.patches, into);
      into.clearRest();
      return { ...proposals.losses, ...losses };
    },

    async losses(batch: DetectionBatch, random: Random): Promise<Losses> {
      const found = await features.run(batch, false, random);
      const proposals = await rpn.run(found, false);
      const rois = sampleRois(options, batch, found, random);
      const { losses } = await heads.run(batch, found, rois, false);
      return { ...proposals.losses, ...losses };
    },

    async dispose() {
      await features.dispose();
      await rpn.dispose();
      await heads.dispose();
    },
  };
}
