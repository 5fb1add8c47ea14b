import type { MetaPath } from "../backbones/backbone.js";
import { choicesOf } from "../backbones/index.js";
import type { Config } from "../config/schema.js";
import { type ArchitectureConfig, architectureConfig } from "../config/training.js";
import type { Batch } from "../datasets/loader/batch.js";
import type { Loader } from "../datasets/loader/loader.js";
import { UserError } from "../errors.js";
import type { ArchitectureEvent } from "../loggers/events.js";
import { BACKBONE_PREFIX } from "../models/backbone.js";
import type { Trainer } from "../models/model.js";
import type { ParameterValues } from "../nn/parameters.js";
import { createOptimizer } from "../optimizers/index.js";
import type { Optimizer } from "../optimizers/optimizer.js";
import { Random } from "../random.js";
import { globalNorm } from "./gradients.js";

/** What trains the choices of a supernet beside its weights. */
export interface ArchitectureTraining {
  /** The optimiser's, for checkpoints. */
  readonly state: Optimizer["state"];
  /** Sets the temperature of a step, counted from 1. */
  begin(step: number): void;
  /**
   * Takes the gradient of α, scaled by `scale`, out of one of all parameters, where it becomes 0: α are not the weights'
   * optimiser's, nor do they count in its norms. Where images are held out, it is computed on a batch of those instead.
   *
   * @returns its norm
   */
  backward(gradients: Float32Array, scale: number, step: number): Promise<number>;
  /** Changes α by what `backward` found, once the warm-up is over. */
  update(step: number): void;
  /** What is chosen now, for the log. */
  event(step: number): ArchitectureEvent;
  /** Ends the reading of held-out batches. */
  stop(): Promise<void>;
}

/** Milliseconds that a network drawn by the shares is expected to take. */
export type ExpectedLatency = (paths: ArchitectureEvent["paths"]) => number;

export interface ArchitectureOptions<B extends Batch> {
  readonly config: Config;
  readonly values: ParameterValues;
  readonly trainer: Trainer<B>;
  /** Batches of the images that are held out for α, where there are any. */
  readonly heldOut: Loader<B> | undefined;
  /** Of the whole run. */
  readonly steps: number;
  readonly expectedLatency: ExpectedLatency | undefined;
}

/** How a config's choices are trained; undefined of a model that has none. @throws UserError where it is set for such a one */
export function architectureOf({ model, training }: Config): ArchitectureConfig | undefined {
  const hasChoices = choicesOf(model.backbone) !== undefined;
  if (hasChoices) return training.architecture ?? architectureConfig.parse({});
  if (training.architecture === undefined) return undefined;
  throw new UserError(
    `training.architecture: a backbone of type ${model.backbone.type} has nothing to choose; ` +
      "take one of type efficientformerSupernet, or delete this key by setting it to null",
  );
}

/** Steps at the beginning in which α rest. */
export const warmupSteps = ({ warmup }: ArchitectureConfig, steps: number): number => Math.round(warmup * steps);

/** The temperature of a step, counted from 1: the first until the warm-up ends, then falling by the same factor each step. */
export function temperatureAt(config: ArchitectureConfig, step: number, steps: number): number {
  const { from, to } = config.temperature;
  const begin = warmupSteps(config, steps);
  const way = steps - begin - 1;
  if (step <= begin + 1) return from;
  return from * (to / from) ** Math.min(1, (step - begin - 1) / way);
}

/** @returns undefined of a model that has nothing to choose */
export function trainArchitecture<B extends Batch>(options: ArchitectureOptions<B>): ArchitectureTraining | undefined {
  const { values, trainer, heldOut, steps, expectedLatency } = options;
  const config = architectureOf(options.config);
  const choices = choicesOf(options.config.model.backbone);
  if (config === undefined || choices === undefined) return undefined;
  const { seed } = options.config.training;
  const begin = warmupSteps(config, steps);
  const places = placesOf(
    values,
    choices.paths.map(({ alpha }) => BACKBONE_PREFIX + alpha),
  );
  const length = places.reduce((sum, { size }) => sum + size, 0);
  const alphas = new Float32Array(length);
  const gradient = new Float32Array(length);
  const optimizer = createOptimizer(config.optimizer, length);
  const segments = [{ offset: 0, length, lrScale: 1, decay: true }];
  const temperature = values.view(BACKBONE_PREFIX + choices.temperature);
  let scratch: Float32Array | undefined;
  let batches: AsyncGenerator<B, void, undefined> | undefined;

  /** The gradients of all parameters on the held-out batch of a step; what else a step changes is as before. */
  const heldOutGradients = async (loader: Loader<B>, step: number): Promise<Float32Array> => {
    batches ??= loader.batches({ startAt: step - 1 - begin, stopAt: steps - begin });
    const { value: batch } = await batches.next();
    if (batch === undefined) throw new Error(`the held-out batches end before step ${step}`);
    scratch ??= new Float32Array(values.flat.length);
    const buffers = values.flatBuffers.slice();
    try {
      await trainer.step(batch, { random: Random.of(seed, "architecture", step), gradients: scratch });
    } finally {
      values.flatBuffers.set(buffers);
    }
    return scratch;
  };

  return {
    state: Object.fromEntries(Object.entries(optimizer.state).map(([name, array]) => [`architecture.${name}`, array])),
    begin(step) {
      temperature.fill(temperatureAt(config, step, steps));
    },
    async backward(gradients, scale, step) {
      gather(gradients, places, gradient);
      for (const { offset, size } of places) gradients.fill(0, offset, offset + size);
      for (let i = 0; i < length; i++) gradient[i] = gradient[i]! * scale;
      if (heldOut !== undefined && step > begin) gather(await heldOutGradients(heldOut, step), places, gradient);
      return globalNorm(gradient);
    },
    update(step) {
      if (step <= begin) return;
      gather(values.flat, places, alphas);
      const { lr } = config.optimizer;
      optimizer.update({ parameters: alphas, gradients: gradient, segments, lr, update: step - begin });
      scatter(alphas, places, values.flat);
    },
    event(step) {
      const paths = choices.paths.map((path) =>
        describePath(path, values.view(BACKBONE_PREFIX + path.alpha), temperature[0]!),
      );
      const expected = expectedLatency && { expectedLatency: expectedLatency(paths) };
      return { type: "architecture", step, temperature: temperature[0]!, paths, ...expected };
    },
    async stop() {
      await batches?.return();
    },
  };
}

interface Place {
  readonly offset: number;
  readonly size: number;
}

/** Where parameters lie in the flat array of all. */
function placesOf(values: ParameterValues, names: readonly string[]): Place[] {
  const { byteOffset } = values.flat;
  return names.map((name) => {
    const view = values.view(name);
    return { offset: (view.byteOffset - byteOffset) / view.BYTES_PER_ELEMENT, size: view.length };
  });
}

function gather(flat: Float32Array, places: readonly Place[], into: Float32Array): void {
  let at = 0;
  for (const { offset, size } of places) {
    into.set(flat.subarray(offset, offset + size), at);
    at += size;
  }
}

function scatter(from: Float32Array, places: readonly Place[], flat: Float32Array): void {
  let at = 0;
  for (const { offset, size } of places) {
    flat.set(from.subarray(at, at + size), offset);
    at += size;
  }
}

function describePath(
  { stage, block, choices }: MetaPath,
  alpha: Float32Array,
  temperature: number,
): ArchitectureEvent["paths"][number] {
  const named = (values: ArrayLike<number>) => Object.fromEntries(choices.map((choice, i) => [choice, values[i]!]));
  return { stage: stage + 1, block: block + 1, alpha: named(alpha), share: named(sharesOf(alpha, temperature)) };
}

/** softmax(α / τ) */
export function sharesOf(alpha: Float32Array, temperature: number): number[] {
  const most = alpha.reduce((a, b) => Math.max(a, b));
  const weights = Array.from(alpha, (value) => Math.exp((value - most) / temperature));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}
