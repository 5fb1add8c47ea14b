import type { DetectionBatch } from "../../../datasets/loader/batch.js";
import { Cache } from "../../../engines/cache.js";
import type { Tensors } from "../../../engines/engine.js";
import type { Random } from "../../../random.js";
import type { FeatureLevel } from "../../../regions/roiAlign.js";
import { type RpnTargets, rpnTargets } from "../../../regions/rpnTargets.js";
import { drawRandomInputs, inputsOf } from "../../bindings.js";
import { SharedArrays } from "../../sharedArrays.js";
import { PYRAMID, type PyramidPrograms, pyramidPrograms, type Shape, type StageOptions } from "../programs.js";
import { rpnTargetOptions } from "../targets.js";
import { pyramidLevels } from "./pyramid.js";

/** Shapes of batches whose programs are kept. */
const SHAPES_KEPT = 3;

/** A batch with its features computed. */
export interface Features {
  readonly shape: Shape;
  readonly programs: PyramidPrograms;
  /** The sampled anchors, one entry per image. */
  readonly anchors: readonly RpnTargets[];
  /** The forward half's inputs besides parameters, and its outputs: the backward half needs both. */
  readonly given: Tensors;
  readonly outputs: Tensors;
  readonly pyramid: readonly FeatureLevel[];
}

/** Images → pyramid and proposal predictions, by the first half of the program that `backwardHalf` completes. */
export function featureStage(options: StageOptions) {
  const { model, values } = options;
  const kept = new Cache<PyramidPrograms>(2 * SHAPES_KEPT);
  const handedOn = new SharedArrays();
  return {
    async run(batch: DetectionBatch, training: boolean, random: Random): Promise<Features> {
      const shape = shapeOf(batch);
      const programs = await kept.get(`${keyOf(shape)} ${training}`, () =>
        pyramidPrograms({ ...options, training }, shape),
      );
      // Sampled first, though not needed yet: the order of random draws decides the results of a seed.
      const anchors = sampleAnchors(options, programs, batch, random);
      const given: Tensors = { images: batch.images, ...drawRandomInputs(programs.randomInputs, random) };
      const into = handedOn.for(programs.forward.outputs);
      const outputs = await programs.forward.run(inputsOf(programs.forward, values, given), into);
      const maps = model.strides.map((_, i) => outputs[`${PYRAMID}${i}`] as Float32Array);
      return { shape, programs, anchors, given, outputs, pyramid: pyramidLevels(model, shape, maps) };
    },
    dispose: () => kept.dispose(),
  };
}

function shapeOf({ images, height, width }: DetectionBatch): Shape {
  return { batch: images.length / (3 * height * width), height, width };
}

const keyOf = ({ batch, height, width }: Shape) => `${batch}x${height}x${width}`;

function sampleAnchors(
  { model, imageMultiple: multiple = model.backbone.multiple }: StageOptions,
  { anchors }: PyramidPrograms,
  { instances, meta }: DetectionBatch,
  random: Random,
): readonly RpnTargets[] {
  return instances.map(({ boxes, crowd }, i) => {
    // Anchors of an image's own padding take part, as in MMDetection.
    const height = Math.ceil(meta[i]!.height / multiple) * multiple;
    const width = Math.ceil(meta[i]!.width / multiple) * multiple;
    return rpnTargets(anchors, { boxes, crowd, height, width }, random, rpnTargetOptions(model.config));
  });
}
