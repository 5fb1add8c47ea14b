import type { DetectionBatch } from "../../../datasets/loader/batch.js";
import { Cache } from "../../../engines/cache.js";
import type { RoiAlignKernel } from "../../../regions/roiAlignKernel.js";
import type { RoiTargets } from "../../../regions/roiTargets.js";
import { type GradientStore, readLosses } from "../../bindings.js";
import type { Losses } from "../../model.js";
import { roiStrides } from "../model.js";
import {
  FEATURE_GRADIENT,
  type HeadProgram,
  prefixed,
  type RoiHead,
  roiProgram,
  runHead,
  type StageOptions,
} from "../programs.js";
import { boxInputs, maskedPositives, maskInputs, type RoiInputs } from "../targets.js";
import type { Features } from "./features.js";
import { poolable, poolOptions } from "./pyramid.js";

/** Mask programs kept: one for each number of positive RoIs. */
const MASK_PROGRAMS_KEPT = 8;

/** Pooled RoIs, and the gradient of what was pooled. */
export interface Pooled {
  readonly head: RoiHead;
  readonly rois: RoiInputs;
  /** [R, channels, size, size] */
  readonly gradient: Float32Array;
}

/** The losses of the box head on the sampled RoIs, and of the mask head on the positive ones that have a mask. */
export function roiStage(options: StageOptions, align: RoiAlignKernel) {
  const { model, values } = options;
  const kept = { box: new Cache<HeadProgram>(2), mask: new Cache<HeadProgram>(MASK_PROGRAMS_KEPT) };
  const { classes, config } = model;
  const layout = { classes, levels: roiStrides(model).length, finestScale: config.roi.finestScale };
  return {
    /** @param into gets the gradients of the heads' parameters */
    async run(
      { instances }: DetectionBatch,
      { shape, pyramid }: Features,
      targets: readonly RoiTargets[],
      training: boolean,
      into?: GradientStore,
    ): Promise<{ readonly losses: Losses; readonly pooled: readonly Pooled[] }> {
      const pooled: Pooled[] = [];
      const runOn = async (head: RoiHead, places: number, rois: RoiInputs, prefix: string) => {
        const program = await kept[head].get(`${places} ${training}`, () =>
          roiProgram({ ...options, training }, places, head),
        );
        align.forward(poolable(model, pyramid), rois, poolOptions(model, head), program.features);
        const outputs = await runHead(program, values, prefixed(prefix, rois), into);
        const gradient = outputs[FEATURE_GRADIENT];
        if (gradient instanceof Float32Array) pooled.push({ head, rois, gradient });
        return outputs;
      };

      const sampled = targets.reduce((n, { labels }) => n + labels.length, 0);
      const places = Math.max(shape.batch * config.roi.samples, sampled);
      const boxes = boxInputs(targets, { ...layout, places, ...(training && { classWeights: options.classWeights }) });
      const boxOutputs = await runOn("box", places, boxes, "roi/");
      const losses = readLosses(boxOutputs, ["boxClass", "box"]);

      if (model.masks === undefined) return { losses, pooled };
      const masked = maskedPositives(targets, instances);
      if (masked === 0) return { losses: { ...losses, mask: 0 }, pooled };
      const maskPlaces = bucketOf(masked);
      const masks = maskInputs(targets, instances, { ...layout, places: maskPlaces }, 2 * config.roi.maskPoolSize);
      const maskOutputs = await runOn("mask", maskPlaces, masks, "mask/");
      return { losses: { ...losses, ...readLosses(maskOutputs, ["mask"]) }, pooled };
    },
    async dispose() {
      await kept.box.dispose();
      await kept.mask.dispose();
    },
  };
}

/**
 * The number of places of a mask program for `count` RoIs, rounded up in steps of an eighth to a quarter of it, so that
 * few programs are made and little work is done on empty places.
 */
function bucketOf(count: number): number {
  const step = Math.max(4, 2 ** (Math.ceil(Math.log2(count)) - 3));
  return Math.ceil(count / step) * step;
}
