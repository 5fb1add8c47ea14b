import type { Config } from "../config/schema.js";
import type { Engine } from "../engines/engine.js";
import { normModeOf } from "../models/backbone.js";
import { ParameterValues } from "../nn/parameters.js";
import { Random } from "../random.js";
import { kindOf } from "../tasks/kinds.js";
import type { Architecture } from "./architecture.js";
import { imitateSubnet } from "./subnet.js";
import type { TrainedSupernet } from "./supernet.js";

/** How good a network is on held-out images. */
export interface SubnetFigures {
  /** The metric that chooses the best weights (`training.checkpoint.best`), 0 … 1; the task's first where that is the loss. */
  readonly accuracy: number;
  /** All of the task's, by name; with `loss`, where it is wanted. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly images: number;
}

/** Judges networks of a supernet by the supernet's weights. */
export interface SubnetEvaluator {
  /** @throws UserError where an architecture is not one of the supernet's; the signal's reason when aborted */
  evaluate(architecture: Architecture, options?: { readonly signal?: AbortSignal | undefined }): Promise<SubnetFigures>;
  /** Gives the memory back. */
  dispose(): Promise<void>;
}

export interface EvaluatorOptions {
  readonly engine: Engine;
  /** Only so many of the validation set's images, the first ones; default all. */
  readonly images?: number;
  /** Whether the loss is wanted, which takes as long again. Default false. */
  readonly loss?: boolean;
}

/** Batches that stay in memory from one network to the next; what is beyond is read anew. */
const KEPT_BYTES = 1 << 28;

/**
 * Judges networks by the weights they have in the supernet, as they are, on the images of the config's validation set, which
 * nothing is trained on.
 *
 * All of them run on the programs of the supernet itself, one for each shape of batch, compiled once: its parameters are
 * inputs, and `imitateSubnet` makes them such that it answers as the network would. That takes the time of the whole supernet
 * for each, however small it is, and saves compiling each.
 *
 * @throws UserError where the validation set cannot be read, or has no metric that could be compared
 */
export async function subnetEvaluator(
  { size, values, description, config: whole }: TrainedSupernet,
  { engine, images, loss = false }: EvaluatorOptions,
): Promise<SubnetEvaluator> {
  const config = limited(whole, images);
  const { backbone } = config.model;
  const into = new ParameterValues(values.parameters);
  const task = await kindOf(config).open(config, description);
  const normMode = normModeOf(task.backbone, backbone);
  const trainer = loss ? task.trainer({ engine, values: into, normMode, frozen: () => true }) : undefined;
  const validation = await task.validation(task.predictor({ values: into, engine, folded: false }));
  const { best } = config.training.checkpoint;
  const { seed } = config.training;
  return {
    async evaluate(architecture, { signal } = {}) {
      imitateSubnet(values, size, architecture, into);
      let count = 0;
      const { metrics } = await validation.evaluate({
        ...(trainer && { losses: (batch, index) => trainer.losses(batch, Random.of(seed, "validation", index)) }),
        signal,
        keptBytes: KEPT_BYTES,
        onProgress: (_, total) => {
          count = total;
        },
      });
      const accuracy = best === "loss" ? Object.values(metrics)[0] : metrics[best];
      return { accuracy: accuracy ?? Number.NaN, metrics, images: count };
    },
    async dispose() {
      await validation.dispose();
      await trainer?.dispose();
    },
  };
}

/** The config with fewer images to validate on, if it has not fewer itself. */
function limited<C extends Config>(config: C, images: number | undefined): C {
  if (images === undefined) return config;
  const { val } = config.data;
  return { ...config, data: { ...config.data, val: { ...val, limit: Math.min(images, val.limit ?? images) } } };
}
