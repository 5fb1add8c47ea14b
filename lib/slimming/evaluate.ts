import type { Config } from "../config/schema.js";
import type { Engine } from "../engines/engine.js";
import { isFrozen, normModeOf } from "../models/backbone.js";
import { ParameterValues } from "../nn/parameters.js";
import { Random } from "../random.js";
import { kindOf } from "../tasks/kinds.js";
import type { Architecture } from "./architecture.js";
import { calibrationOf } from "./calibrate.js";
import { imitateSubnet } from "./subnet.js";
import type { TrainedSupernet } from "./supernet.js";

/** How good a network is on held-out images. */
export interface SubnetFigures {
  /** The metric that selects the best weights (`training.checkpoint.best`), 0 … 1; the task's first where that is the loss. */
  readonly accuracy: number;
  /** All of the task's metrics by name, and `loss` if asked for. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly images: number;
}

/** Evaluates networks of a supernet with the supernet's weights. */
export interface SubnetEvaluator {
  /** @throws UserError where an architecture is not one of the supernet's; the signal's reason when aborted */
  evaluate(architecture: Architecture, options?: { readonly signal?: AbortSignal | undefined }): Promise<SubnetFigures>;
  /**
   * The supernet's weights with the statistics that an architecture is evaluated with.
   *
   * @throws UserError where it is not one of the supernet's
   */
  valuesOf(architecture: Architecture): Promise<ParameterValues>;
  /** Frees the memory. */
  dispose(): Promise<void>;
}

export interface EvaluatorOptions {
  readonly engine: Engine;
  /** Limit on the number of validation images, the first ones; default all. */
  readonly images?: number;
  /** Whether to compute the loss, which doubles the time. Default false. */
  readonly loss?: boolean;
  /**
   * Batches of training images that give a network's batch norms statistics of its own before it is judged; default 0: those
   * of the supernet are used.
   */
  readonly calibration?: number;
}

/** Batches up to this size stay in memory from one network to the next; the rest is read again. */
const KEPT_BYTES = 1 << 28;

/**
 * Evaluates networks with the weights they have in the supernet, without training, on the config's validation set, which is
 * never trained on.
 *
 * All of them run on the programs of the supernet itself, one per batch shape, compiled once: its parameters are inputs, and
 * `imitateSubnet` sets them so that the outputs are those of the network. However small the network is, that takes the time
 * of the whole supernet, but it saves compiling each network.
 *
 * @throws UserError where the validation set cannot be read, or has no metric to compare
 */
export async function subnetEvaluator(
  { size, values, description, config: whole }: TrainedSupernet,
  { engine, images, loss = false, calibration: batches = 0 }: EvaluatorOptions,
): Promise<SubnetEvaluator> {
  const config = limited(whole, images);
  const { backbone } = config.model;
  const into = new ParameterValues(values.parameters);
  const task = await kindOf(config).open(config, description);
  const normMode = normModeOf(backbone, isFrozen(task.backbone, backbone));
  const trainer = loss ? task.trainer({ engine, values: into, normMode, frozen: () => true }) : undefined;
  const calibration = batches > 0 ? await calibrationOf(task, { engine, values: into, normMode, batches }) : undefined;
  const imitate = async (architecture: Architecture): Promise<void> => {
    imitateSubnet(values, size, architecture, into);
    await calibration?.run();
  };
  const validation = await task.validation(task.predictor({ values: into, engine, folded: false }));
  const { best } = config.training.checkpoint;
  const { seed } = config.training;
  return {
    async evaluate(architecture, { signal } = {}) {
      await imitate(architecture);
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
    async valuesOf(architecture) {
      await imitate(architecture);
      const own = new ParameterValues(values.parameters);
      own.flat.set(values.flat);
      own.flatBuffers.set(calibration === undefined ? values.flatBuffers : into.flatBuffers);
      return own;
    },
    async dispose() {
      await validation.dispose();
      await calibration?.dispose();
      await trainer?.dispose();
    },
  };
}

/** The config with its validation images limited, unless it has fewer itself. */
function limited<C extends Config>(config: C, images: number | undefined): C {
  if (images === undefined) return config;
  const { val } = config.data;
  return { ...config, data: { ...config.data, val: { ...val, limit: Math.min(images, val.limit ?? images) } } };
}
