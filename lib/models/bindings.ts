import type { Program, Tensors } from "../engines/engine.js";
import { gradients, type Seed, sizeOf, type Value } from "../graph/index.js";
import type { BufferUpdate, Context, RandomInput } from "../nn/context.js";
import { type Parameter, type ParameterValues, viewsOf } from "../nn/parameters.js";
import type { Random } from "../random.js";

/** The inputs of a program: parameters and buffers are the model's own arrays, the rest come from `given`. */
export function inputsOf(program: Program, values: ParameterValues, given: Tensors): Tensors {
  return Object.fromEntries(
    Object.keys(program.inputs).map((name) => [name, given[name] ?? values.view(name)] as const),
  );
}

export const GRADIENT = "gradient/";
export const BUFFER = "buffer/";

/** The gradients of `loss` as named outputs, one for each parameter it depends on. */
export function gradientOutputs(
  loss: Value | readonly Seed[],
  parameters: readonly Parameter[],
  context: Context,
): Record<string, Value> {
  const found = gradients(
    loss,
    parameters.map((parameter) => context.value(parameter)),
  );
  const outputs: Record<string, Value> = {};
  parameters.forEach(({ name }, i) => {
    const gradient = found[i];
    if (gradient !== undefined) outputs[GRADIENT + name] = gradient;
  });
  return outputs;
}

/** The new running statistics as named outputs. */
export function bufferOutputs(updates: readonly BufferUpdate[]): Record<string, Value> {
  return Object.fromEntries(updates.map(({ buffer, value }) => [BUFFER + buffer.name, value]));
}

/** Where the programs of a step write gradients: views of one flat array. */
export interface GradientStore {
  /** Views for those outputs of a program that are gradients. */
  viewsFor(program: Program): Tensors;
  /** Zeroes the gradients that no program was given a view of. */
  clearRest(): void;
}

/** @param flat [the parameters' numbers] in their order */
export function gradientStore(flat: Float32Array, parameters: readonly Parameter[]): GradientStore {
  const rest = viewsOf(flat, parameters);
  const views = new Map(rest);
  return {
    viewsFor(program) {
      const names = Object.keys(program.outputs).filter((name) => name.startsWith(GRADIENT));
      return Object.fromEntries(
        names.map((output) => {
          const name = output.slice(GRADIENT.length);
          rest.delete(name);
          return [output, views.get(name)!];
        }),
      );
    },
    clearRest() {
      for (const view of rest.values()) view.fill(0);
    },
  };
}

/** Writes the running statistics a program returned into the model. */
export function storeBuffers(outputs: Tensors, values: ParameterValues): void {
  for (const [name, data] of Object.entries(outputs)) {
    if (name.startsWith(BUFFER)) values.view(name.slice(BUFFER.length)).set(data);
  }
}

/** Draws the random masks of a step, each from a stream named after it, so that none depends on which others exist. */
export function drawRandomInputs(inputs: readonly RandomInput[], random: Random): Record<string, Float32Array> {
  return Object.fromEntries(
    inputs.map(({ name, shape, draw }) => {
      const values = new Float32Array(sizeOf(shape));
      draw(values, random.child(name));
      return [name, values];
    }),
  );
}

/** The losses among a program's outputs, by name. */
export function readLosses(outputs: Tensors, names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, outputs[name]![0]!]));
}
