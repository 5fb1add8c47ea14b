import type { ClassificationBatch } from "../../datasets/loader/types.js";
import { Cache } from "../../engines/cache.js";
import type { Program, Tensors } from "../../engines/engine.js";
import { add, input, logSumExp, mul, scalar, sub, sum, type Value } from "../../graph/index.js";
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
import { type DistillationOptions, distillationTargets } from "./distillation.js";
import { type MixingOptions, mixBatch } from "./mixing.js";
import type { ClassifierModel } from "./model.js";
import { targetsOf } from "./targets.js";

/** Shapes whose programs are kept; a training program holds its activations, so not many. */
const PROGRAMS_KEPT = 4;

export interface ClassifierTrainerOptions extends TrainerOptions {
  readonly model: ClassifierModel;
  readonly labelSmoothing: number;
  /** [classes] or none. */
  readonly classWeights?: readonly number[] | undefined;
  readonly mixing: MixingOptions;
  readonly distillation?: DistillationOptions | undefined;
}

interface Compiled {
  readonly program: Program;
  readonly randomInputs: readonly RandomInput[];
  dispose(): Promise<void>;
}

/** A number for each input of a step's program that is not a parameter or an image, besides masks. */
type Targets = Readonly<Record<"targets" | "teacher", Float32Array>>;

/**
 * The training step of a classifier: cross-entropy against soft targets, made on the host, and all gradients are one
 * program. With a teacher, a second cross-entropy against what it says: of the head for distillation where the model has
 * one, and else of the only one.
 */
export function classifierTrainer(options: ClassifierTrainerOptions): Trainer<ClassificationBatch> {
  const { model, values, engine, labelSmoothing, classWeights, mixing, distillation } = options;
  const { classes } = model;
  const trained = model.parameters.filter(({ name, role }) => role !== "buffer" && !options.frozen(name));
  const programs = new Cache<Compiled>(PROGRAMS_KEPT);
  const temperature = distillation?.type === "soft" ? distillation.temperature : 1;

  const compile = async (batch: number, height: number, width: number, training: boolean): Promise<Compiled> => {
    const context = training ? Context.training(options.normMode) : Context.evaluation();
    const images = input("images", [batch, 3, height, width]);
    const targets = input("targets", [batch, classes]);
    const losses: Record<string, Value> = {};
    if (training && distillation !== undefined) {
      const [own, distilled] = model.forwardHeads?.(images, context) ?? twice(model.forward(images, context));
      const teacher = input("teacher", [batch, classes]);
      losses.class = crossEntropy(own, targets);
      losses.distillation = crossEntropy(mul(distilled, scalar(1 / temperature)), teacher);
    } else if (training && model.forwardHeads !== undefined) {
      // Without a teacher both heads learn the labels, for the answer is the mean of both.
      const heads = model.forwardHeads(images, context);
      const [a, b] = heads.map((logits) => crossEntropy(logits, targets)) as [Value, Value];
      losses.class = mul(add(a, b), scalar(0.5));
    } else losses.class = crossEntropy(model.forward(images, context), targets);
    const total = Object.values(losses).reduce((a, b) => add(a, b));
    const outputs = training
      ? { ...losses, ...gradientOutputs(total, trained, context), ...bufferOutputs(context.updates) }
      : losses;
    const program = await engine.compile(outputs);
    return { program, randomInputs: context.randomInputs, dispose: () => program.dispose() };
  };

  const get = ({ images, height, width }: ClassificationBatch, training: boolean) => {
    const batch = images.length / (3 * height * width);
    return programs.get(`${batch}x${height}x${width} ${training}`, () => compile(batch, height, width, training));
  };

  const inputsFor = (batch: ClassificationBatch, program: Program, targets: Partial<Targets>, masks: Tensors) =>
    inputsOf(program, values, { images: batch.images, ...targets, ...masks });

  /** Of the mixed batch. */
  const learnt = async (batch: ClassificationBatch, own: number): Promise<Partial<Targets> & { entropy: number }> => {
    const targets = targetsOf(batch.labels, { classes, labelSmoothing, classWeights, own });
    if (distillation === undefined) return { targets, entropy: 0 };
    const { weight } = distillation;
    const { teacher, entropy } = await distillationTargets(batch, classes, distillation);
    return { targets: targets.map((target) => (1 - weight) * target), teacher, entropy };
  };

  return {
    async step(batch, { random, gradients }: StepOptions): Promise<Losses> {
      const own = mixBatch(batch, mixing, random.child("mixing"));
      const { entropy, ...targets } = await learnt(batch, own);
      const { program, randomInputs } = await get(batch, true);
      const masks = drawRandomInputs(randomInputs, random);
      const into = gradientStore(gradients, values.trainable);
      const outputs = await program.run(inputsFor(batch, program, targets, masks), into.viewsFor(program));
      into.clearRest();
      storeBuffers(outputs, values);
      if (distillation === undefined) return readLosses(outputs, ["class"]);
      const losses = readLosses(outputs, ["class", "distillation"]);
      return { ...losses, distillation: losses.distillation! - entropy };
    },
    async losses(batch): Promise<Losses> {
      const targets = targetsOf(batch.labels, { classes, labelSmoothing: 0, own: 1 });
      const { program } = await get(batch, false);
      return readLosses(await program.run(inputsFor(batch, program, { targets }, {})), ["class"]);
    },
    async dispose() {
      await programs.dispose();
      await distillation?.teacher.dispose();
    },
  };
}

const twice = (logits: Value): readonly [Value, Value] => [logits, logits];

/** −Σ targets · log softmax(logits), both [B, classes]. */
function crossEntropy(logits: Value, targets: Value): Value {
  return sum(mul(targets, sub(logSumExp(logits, 1), logits)));
}
