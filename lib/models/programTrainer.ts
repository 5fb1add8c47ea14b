import type { Batch } from "../datasets/loader/batch.js";
import { Cache } from "../engines/cache.js";
import type { Program, Tensors } from "../engines/engine.js";
import { add, input, type Value } from "../graph/index.js";
import { Context, type RandomInput } from "../nn/context.js";
import type { Parameter } from "../nn/parameters.js";
import {
  bufferOutputs,
  drawRandomInputs,
  gradientOutputs,
  gradientStore,
  inputsOf,
  readLosses,
  storeBuffers,
} from "./bindings.js";
import type { Losses, StepOptions, TrainerOptions } from "./model.js";

/** Shapes whose programs are kept; a training program holds its activations, so not many. */
const PROGRAMS_KEPT = 4;

interface Compiled {
  readonly program: Program;
  readonly names: readonly string[];
  readonly randomInputs: readonly RandomInput[];
  dispose(): Promise<void>;
}

export interface StepGraph {
  readonly parameters: readonly Parameter[];
  /**
   * Records the losses of images [B, 3, H, W].
   *
   * @param training true for a training step, false for the validation loss
   */
  losses(images: Value, context: Context, training: boolean): Readonly<Record<string, Value>>;
}

/** Runs steps of a model whose losses and gradients are one program. `given` are the inputs besides images and masks. */
export interface ProgramTrainer {
  step(batch: Batch, given: Tensors, options: StepOptions): Promise<Losses>;
  losses(batch: Batch, given: Tensors): Promise<Losses>;
  dispose(): Promise<void>;
}

export function programTrainer({ parameters, losses }: StepGraph, options: TrainerOptions): ProgramTrainer {
  const { values, engine, normMode, frozen } = options;
  const trained = parameters.filter(({ name, role }) => role !== "buffer" && !frozen(name));
  const programs = new Cache<Compiled>(PROGRAMS_KEPT);

  const compile = async (batch: number, height: number, width: number, training: boolean): Promise<Compiled> => {
    const context = training ? Context.training(normMode) : Context.evaluation();
    const parts = losses(input("images", [batch, 3, height, width]), context, training);
    const total = Object.values(parts).reduce((a, b) => add(a, b));
    const outputs = training
      ? { ...parts, ...gradientOutputs(total, trained, context), ...bufferOutputs(context.updates) }
      : parts;
    const program = await engine.compile(outputs);
    const { randomInputs } = context;
    return { program, names: Object.keys(parts), randomInputs, dispose: () => program.dispose() };
  };

  const get = ({ images, height, width }: Batch, training: boolean) => {
    const batch = images.length / (3 * height * width);
    return programs.get(`${batch}x${height}x${width} ${training}`, () => compile(batch, height, width, training));
  };

  return {
    async step(batch, given, { random, gradients }) {
      const { program, names, randomInputs } = await get(batch, true);
      const masks = drawRandomInputs(randomInputs, random);
      const into = gradientStore(gradients, values.trainable);
      const inputs = inputsOf(program, values, { images: batch.images, ...given, ...masks });
      const outputs = await program.run(inputs, into.viewsFor(program));
      into.clearRest();
      storeBuffers(outputs, values);
      return readLosses(outputs, names);
    },
    async losses(batch, given) {
      const { program, names } = await get(batch, false);
      return readLosses(await program.run(inputsOf(program, values, { images: batch.images, ...given })), names);
    },
    dispose: () => programs.dispose(),
  };
}
