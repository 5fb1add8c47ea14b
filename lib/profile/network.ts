import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { checkPixels, defaultSize } from "../export/settings.js";
import { GraphError, input, sizeOf, type TensorData } from "../graph/index.js";
import type { Outputs } from "../graph/passes/rewrite.js";
import { Context } from "../nn/context.js";
import { ParameterValues } from "../nn/parameters.js";
import type { Size } from "../pixels/image.js";
import { Random } from "../random.js";
import { kindOf } from "../tasks/kinds.js";
import type { Task } from "../tasks/task.js";
import type { NamedConfig } from "./model.js";

/** A model; its parameters are 0 until they are drawn. */
export interface Network {
  readonly name: string;
  readonly config: Config;
  readonly task: Task;
  readonly values: ParameterValues;
}

/** Opens no data set: a model's size follows from the config and the number of classes. */
export async function openNetwork({ name, config }: NamedConfig, classes?: number): Promise<Network> {
  const kind = kindOf(config);
  const task = await kind.open(config, kind.assume(config, classes));
  return { name, config, task, values: new ParameterValues(task.parameters) };
}

/** Draws random parameters: latency does not depend on their values, except for the number of objects found. */
export function drawParameters({ values }: Network): void {
  values.initialise((name) => Random.of("profile", name));
}

/** The size of the config's test images. */
export const usualSize = ({ config }: Pick<NamedConfig, "config">): Size => defaultSize(config);

export interface Recorded {
  readonly outputs: Outputs;
  /** The graph's inputs by name. */
  readonly inputs: Readonly<Record<string, TensorData>>;
}

/**
 * The whole model's graph at one size, with noise images as input.
 *
 * @throws UserError where the model cannot take the size, or it is too large
 */
export function record({ name, task, values }: Network, batch: number, { height, width }: Size): Recorded {
  checkPixels({ height, width }, batch);
  const images = input("images", [batch, 3, height, width]);
  const sizes = input("sizes", [batch, 4]);
  const scales = input("scales", [batch, 4]);
  try {
    const outputs = task.graphs.model({ images, sizes, scales }, Context.inference(values));
    return {
      outputs,
      inputs: {
        images: noise(sizeOf(images.shape)),
        sizes: Float32Array.from({ length: batch * 4 }, (_, i) => (i % 2 === 0 ? width : height)),
        scales: new Float32Array(batch * 4).fill(1),
      },
    };
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    throw new UserError(`${name} cannot take images of ${height}x${width} (height x width): ${error.message}`, 2);
  }
}

/** Uniform in −2 … 2, like normalised pixels. */
export function noise(length: number): Float32Array {
  const random = Random.of("profile", "images");
  return Float32Array.from({ length }, () => random.uniform(-2, 2));
}
