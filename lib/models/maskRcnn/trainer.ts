import type { DetectionBatch } from "../../datasets/loader/types.js";
import { Cache } from "../../engines/cache.js";
import type { Tensors } from "../../engines/engine.js";
import type { Random } from "../../random.js";
import { type Proposals, rpnProposals } from "../../regions/proposals.js";
import type { FeatureLevel } from "../../regions/roiAlign.js";
import { loadRoiAlign } from "../../regions/roiAlignKernel.js";
import { type RoiTargets, roiTargets } from "../../regions/roiTargets.js";
import { type RpnTargets, rpnTargets } from "../../regions/rpnTargets.js";
import {
  drawRandomInputs,
  type GradientStore,
  gradientStore,
  inputsOf,
  readLosses,
  storeBuffers,
} from "../bindings.js";
import type { Losses, StepOptions, Trainer, TrainerOptions } from "../model.js";
import { SharedArrays } from "../sharedArrays.js";
import { type MaskRcnn, roiStrides } from "./model.js";
import {
  type CompileOptions,
  DELTAS,
  FEATURE_GRADIENT,
  FEATURES,
  type HeadProgram,
  LOGITS,
  PYRAMID,
  type PyramidPrograms,
  poolSize,
  pyramidPrograms,
  RPN_LOSSES,
  roiProgram,
  rpnProgram,
  type Shape,
} from "./programs.js";
import { addPatches, gatherPatches, type RpnCells, rpnSamples } from "./rpnSamples.js";
import {
  boxInputs,
  maskedPositives,
  maskInputs,
  type RoiInputs,
  roiTargetOptions,
  rpnTargetOptions,
} from "./targets.js";

/** Shapes of batches whose programs are kept. */
const SHAPES_KEPT = 3;
/** Mask programs kept: one a number of positive RoIs. */
const MASK_PROGRAMS_KEPT = 8;

export interface MaskRcnnTrainerOptions extends TrainerOptions {
  readonly model: MaskRcnn;
  /** Proposals of each image, boxes [n · 4], instead of those of the model's own region proposal head. */
  readonly proposals?: (batch: DetectionBatch) => readonly Float32Array[];
  /** Told of every step's sampled RoIs and anchors and of the proposals, boxes [n · 4], an image each. */
  readonly onSampled?: (
    rois: readonly RoiTargets[],
    anchors: readonly RpnTargets[],
    proposals: readonly Float32Array[],
  ) => void;
}

/**
 * The training step of Mask R-CNN as a chain of programs. Features and proposals come first; the host picks the sampled
 * anchors' cells, selects proposals, assigns, samples and pools them; the programs of the three heads give their losses and
 * gradients down to what was picked or pooled; the host adds those up in the pyramid (RoIAlign's gradient for the RoIs);
 * the backward half of the first program does the rest.
 */
export function maskRcnnTrainer(options: MaskRcnnTrainerOptions): Trainer<DetectionBatch> {
  const { model, values } = options;
  const trained = model.parameters.filter(({ name, role }) => role !== "buffer" && !options.frozen(name));
  const pyramids = new Cache<PyramidPrograms>(2 * SHAPES_KEPT);
  const rpnPrograms = new Cache<HeadProgram>(2);
  const boxPrograms = new Cache<HeadProgram>(2);
  const maskPrograms = new Cache<HeadProgram>(MASK_PROGRAMS_KEPT);
  const handedOn = new SharedArrays();
  const gradientSums = new SharedArrays();
  const align = loadRoiAlign();
  const compileOptions = (training: boolean): CompileOptions => ({ ...options, trained, training });

  const forward = async (batch: DetectionBatch, training: boolean, random: Random): Promise<Run> => {
    const shape = shapeOf(batch);
    const programs = await pyramids.get(`${keyOf(shape)} ${training}`, () =>
      pyramidPrograms(compileOptions(training), shape),
    );
    const { anchors } = programs;
    const targets = batch.instances.map(({ boxes, crowd }, i) => {
      const { multiple } = model.backbone;
      // Anchors of an image's own padding take part, as in MMDetection.
      const height = Math.ceil(batch.meta[i]!.height / multiple) * multiple;
      const width = Math.ceil(batch.meta[i]!.width / multiple) * multiple;
      return rpnTargets(anchors, { boxes, crowd, height, width }, random, rpnTargetOptions(model.config));
    });
    const given: Tensors = { images: batch.images, ...drawRandomInputs(programs.randomInputs, random) };
    const into = handedOn.for(programs.forward.outputs);
    const outputs = await programs.forward.run(inputsOf(programs.forward, values, given), into);
    return { shape, programs, targets, given, outputs };
  };

  const runHead = ({ program, features, outputs }: HeadProgram, targets: Tensors, into?: GradientStore) =>
    program.run(inputsOf(program, values, { ...targets, [FEATURES]: features }), {
      ...outputs,
      ...into?.viewsFor(program),
    });

  const pyramidOf = ({ shape, outputs }: Run): FeatureLevel[] =>
    featureLevels(
      model,
      shape,
      model.strides.map((_, i) => outputs[`${PYRAMID}${i}`] as Float32Array),
    );

  const poolable = (levels: readonly FeatureLevel[]) => levels.slice(0, roiStrides(model).length);

  const poolOptions = (kind: "box" | "mask") => {
    const size = poolSize(model, kind);
    return { height: size, width: size, samplingRatio: model.config.roi.samplingRatio, channels: model.channels };
  };

  /** Losses of the region proposal head at the sampled anchors; `into` gets the gradients of its parameters. */
  const proposalLosses = async (run: Run, training: boolean, into?: GradientStore) => {
    const { shape, programs, targets } = run;
    const places = shape.batch * model.config.rpn.samples;
    const { samples, cells } = rpnSamples(targets, { anchors: programs.anchors, places });
    const head = await rpnPrograms.get(`${places} ${training}`, () => rpnProgram(compileOptions(training), places));
    gatherPatches(pyramidOf(run), cells, model.channels, head.features);
    const found = await runHead(head, prefixed("rpn/", samples), into);
    return {
      losses: readLosses(found, RPN_LOSSES),
      cells,
      gradient: found[FEATURE_GRADIENT] as Float32Array | undefined,
    };
  };

  const sample = (batch: DetectionBatch, run: Run, random: Random): readonly RoiTargets[] => {
    const { shape, programs, outputs } = run;
    const proposals =
      options.proposals?.(batch) ??
      batch.meta.map(
        ({ height, width }, image) =>
          proposalsOf(model, programs, outputs, { image, batch: shape.batch, height, width }).boxes,
      );
    const targets = batch.instances.map((instances, i) =>
      roiTargets(proposals[i]!, instances, model.classes, random, roiTargetOptions(model.config)),
    );
    options.onSampled?.(targets, run.targets, proposals);
    return targets;
  };

  /** Pools the RoIs and runs the box and mask programs; `into` gets the gradients. */
  const heads = async (
    batch: DetectionBatch,
    run: Run,
    targets: readonly RoiTargets[],
    training: boolean,
    into?: GradientStore,
  ): Promise<{ losses: Losses; pooled: readonly Pooled[] }> => {
    const { classes, config } = model;
    const layout = { classes, levels: roiStrides(model).length, finestScale: config.roi.finestScale };
    const pyramid = pyramidOf(run);
    const pooled: Pooled[] = [];
    const runOn = async (kind: "box" | "mask", places: number, rois: RoiInputs, prefix: string) => {
      const programs = kind === "box" ? boxPrograms : maskPrograms;
      const head = await programs.get(`${places} ${training}`, () =>
        roiProgram(compileOptions(training), places, kind),
      );
      align.forward(poolable(pyramid), rois, poolOptions(kind), head.features);
      const outputs = await runHead(head, prefixed(prefix, rois), into);
      const gradient = outputs[FEATURE_GRADIENT];
      if (gradient instanceof Float32Array) pooled.push({ kind, rois, gradient });
      return outputs;
    };

    const places = Math.max(
      run.shape.batch * config.roi.samples,
      targets.reduce((n, { labels }) => n + labels.length, 0),
    );
    const boxOutputs = await runOn("box", places, boxInputs(targets, { ...layout, places }), "roi/");
    const losses = readLosses(boxOutputs, ["boxClass", "box"]);

    if (model.masks === undefined) return { losses, pooled };
    const masked = maskedPositives(targets, batch.instances);
    if (masked === 0) return { losses: { ...losses, mask: 0 }, pooled };
    const maskLayout = { ...layout, places: bucketOf(masked) };
    const masks = maskInputs(targets, batch.instances, maskLayout, 2 * config.roi.maskPoolSize);
    const maskOutputs = await runOn("mask", maskLayout.places, masks, "mask/");
    return { losses: { ...losses, ...readLosses(maskOutputs, ["mask"]) }, pooled };
  };

  /** Adds up in the pyramid what the heads say of the parts of it they were given. */
  const pyramidGradient = (
    { shape, programs }: Run,
    pooled: readonly Pooled[],
    { cells, gradient: patches }: { readonly cells: readonly RpnCells[]; readonly gradient: Float32Array | undefined },
  ): Tensors => {
    const sums = gradientSums.for(programs.pyramidGradient);
    const levels = featureLevels(
      model,
      shape,
      Object.values(sums).map((data) => data.fill(0)),
    );
    for (const { kind, rois, gradient: given } of pooled)
      align.backward(given, poolable(levels), rois, poolOptions(kind));
    if (patches !== undefined) addPatches(patches, levels, cells, model.channels);
    return sums;
  };

  return {
    async step(batch: DetectionBatch, { random, gradients }: StepOptions): Promise<Losses> {
      const into = gradientStore(gradients, values.trainable);
      const run = await forward(batch, true, random);
      storeBuffers(run.outputs, values);
      const proposals = await proposalLosses(run, true, into);
      const { losses, pooled } = await heads(batch, run, sample(batch, run, random), true, into);
      const { backward } = run.programs;
      if (backward !== undefined) {
        const given = { ...run.given, ...run.outputs, ...pyramidGradient(run, pooled, proposals) };
        await backward.run(inputsOf(backward, values, given), into.viewsFor(backward));
      }
      into.clearRest();
      return { ...proposals.losses, ...losses };
    },

    async losses(batch: DetectionBatch, random: Random): Promise<Losses> {
      const run = await forward(batch, false, random);
      const { losses: proposals } = await proposalLosses(run, false);
      const { losses } = await heads(batch, run, sample(batch, run, random), false);
      return { ...proposals, ...losses };
    },

    async dispose() {
      await pyramids.dispose();
      await rpnPrograms.dispose();
      await boxPrograms.dispose();
      await maskPrograms.dispose();
    },
  };
}

/** A forward half that has run. */
interface Run {
  readonly shape: Shape;
  readonly programs: PyramidPrograms;
  readonly targets: readonly RpnTargets[];
  readonly given: Tensors;
  readonly outputs: Tensors;
}

/** Pooled RoIs, and the gradient of what was pooled. */
interface Pooled {
  readonly kind: "box" | "mask";
  readonly rois: RoiInputs;
  readonly gradient: Float32Array;
}

function shapeOf({ images, height, width }: DetectionBatch): Shape {
  return { batch: images.length / (3 * height * width), height, width };
}

const keyOf = ({ batch, height, width }: Shape) => `${batch}x${height}x${width}`;

const prefixed = (prefix: string, inputs: object): Tensors =>
  Object.fromEntries(Object.entries(inputs).map(([name, data]) => [prefix + name, data]));

function featureLevels({ strides }: MaskRcnn, { height, width }: Shape, data: readonly Float32Array[]): FeatureLevel[] {
  return strides.map((stride, i) => ({
    data: data[i]!,
    height: Math.ceil(height / stride),
    width: Math.ceil(width / stride),
    stride,
  }));
}

/**
 * The number of places of a mask program for so many RoIs: steps of an eighth to a quarter of the number, so that few
 * programs are made and little work is done on empty places.
 */
export function bucketOf(count: number): number {
  const step = Math.max(4, 2 ** (Math.ceil(Math.log2(count)) - 3));
  return Math.ceil(count / step) * step;
}

interface ImageOfBatch {
  readonly image: number;
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

function proposalsOf(
  model: MaskRcnn,
  { anchors }: PyramidPrograms,
  outputs: Tensors,
  { image, batch, height, width }: ImageOfBatch,
): Proposals {
  const part = (name: string): Float32Array => {
    const all = outputs[name] as Float32Array;
    const size = all.length / batch;
    return all.subarray(image * size, (image + 1) * size);
  };
  const predictions = anchors.levels.map((_, l) => ({ logits: part(`${LOGITS}${l}`), deltas: part(`${DELTAS}${l}`) }));
  const { trainPerLevel, maxPerImage, nms, minSize } = model.config.rpn;
  const limits = { perLevel: trainPerLevel, perImage: maxPerImage, iouThreshold: nms, minSize };
  return rpnProposals(predictions, anchors, { height, width, ...limits });
}
