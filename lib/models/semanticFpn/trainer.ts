import type { SegmentationBatch } from "../../datasets/loader/types.js";
import { Cache } from "../../engines/cache.js";
import type { Program, Tensors } from "../../engines/engine.js";
import { cast, input, less, mul, reshape, resizedCrossEntropy, scalar, type Value } from "../../graph/index.js";
import { Context, type RandomInput } from "../../nn/context.js";
import {
  bufferOutputs,
  drawRandomInputs,
  gradientOutputs,
  gradientStore,
  inputsOf,
  readLosses,
  storeBuffers,
} from "../bindings.js";
import type { Losses, StepOptions, Trainer, TrainerOptions } from "../model.js";
import type { SemanticFpn } from "./model.js";

/** Shapes whose programs are kept; a training program holds its activations, so not many. */
const PROGRAMS_KEPT = 4;

interface Shape {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

interface Compiled {
  readonly program: Program;
  readonly randomInputs: readonly RandomInput[];
  dispose(): Promise<void>;
}

export interface SemanticTrainerOptions extends TrainerOptions {
  readonly model: SemanticFpn;
  /** Divide the loss by all pixels, ignored ones included; else by the labelled ones. */
  readonly averageOverAllPixels: boolean;
}

/** The training step of Semantic FPN: forward, cross-entropy at full size and all gradients are one program. */
export function semanticTrainer(options: SemanticTrainerOptions): Trainer<SegmentationBatch> {
  const { model, values, engine } = options;
  const trained = model.parameters.filter(({ name, role }) => role !== "buffer" && !options.frozen(name));
  const programs = new Cache<Compiled>(PROGRAMS_KEPT);

  const compile = async (shape: Shape, training: boolean): Promise<Compiled> => {
    const context = training ? Context.training(options.normMode) : Context.evaluation();
    const loss = crossEntropy(model, context, shape);
    const outputs = training
      ? { loss, ...gradientOutputs(loss, trained, context), ...bufferOutputs(context.updates) }
      : { loss };
    const program = await engine.compile(outputs);
    return { program, randomInputs: context.randomInputs, dispose: () => program.dispose() };
  };

  const get = ({ images, height, width }: SegmentationBatch, training: boolean) => {
    const shape = { batch: images.length / (3 * height * width), height, width };
    return programs.get(`${shape.batch}x${height}x${width} ${training}`, () => compile(shape, training));
  };

  const inputsFor = (batch: SegmentationBatch, program: Program, masks: Tensors): Tensors =>
    inputsOf(program, values, {
      images: batch.images,
      labels: batch.labels,
      normaliser: Float32Array.of(normaliser(batch.labels, model.classes, options.averageOverAllPixels)),
      ...masks,
    });

  return {
    async step(batch: SegmentationBatch, { random, gradients }: StepOptions): Promise<Losses> {
      const { program, randomInputs } = await get(batch, true);
      const masks = drawRandomInputs(randomInputs, random);
      const into = gradientStore(gradients, values.trainable);
      const outputs = await program.run(inputsFor(batch, program, masks), into.viewsFor(program));
      into.clearRest();
      storeBuffers(outputs, values);
      return readLosses(outputs, ["loss"]);
    },
    async losses(batch: SegmentationBatch): Promise<Losses> {
      const { program } = await get(batch, false);
      return readLosses(await program.run(inputsFor(batch, program, {})), ["loss"]);
    },
    dispose: () => programs.dispose(),
  };
}

/** Σ over labelled pixels of the cross-entropy, times the input `normaliser`. */
function crossEntropy(model: SemanticFpn, context: Context, { batch, height, width }: Shape): Value {
  const images = input("images", [batch, 3, height, width]);
  const labels = cast(input("labels", [batch, height, width], "uint8"), "int32");
  const labelled = cast(less(labels, scalar(model.classes, "int32")), "float32");
  const weights = mul(labelled, reshape(input("normaliser", [1]), []));
  return resizedCrossEntropy(model.forward(images, context), labels, weights);
}

/** 1 / the number of pixels the loss is averaged over; 0 where there is none. */
function normaliser(labels: Uint8Array, classes: number, all: boolean): number {
  let count = 0;
  if (all) count = labels.length;
  else for (const label of labels) if (label < classes) count++;
  return count === 0 ? 0 : 1 / count;
}
