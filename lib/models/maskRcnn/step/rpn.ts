import { Cache } from "../../../engines/cache.js";
import { type GradientStore, readLosses } from "../../bindings.js";
import type { Losses } from "../../model.js";
import {
  FEATURE_GRADIENT,
  type HeadProgram,
  prefixed,
  RPN_LOSSES,
  rpnProgram,
  runHead,
  type StageOptions,
} from "../programs.js";
import { gatherPatches, type RpnCells, rpnSamples } from "../rpnSamples.js";
import type { Features } from "./features.js";

/** The sampled anchors' neighbourhoods in the pyramid, and the gradient of what was gathered there. */
export interface Patches {
  readonly cells: readonly RpnCells[];
  /** [S, channels · 9]; undefined in evaluation. */
  readonly gradient: Float32Array | undefined;
}

/** The losses of the region proposal head, at the sampled anchors only. */
export function rpnStage(options: StageOptions) {
  const { model } = options;
  const kept = new Cache<HeadProgram>(2);
  return {
    /** @param into gets the gradients of the head's parameters */
    async run(
      { shape, programs, anchors, pyramid }: Features,
      training: boolean,
      into?: GradientStore,
    ): Promise<{ readonly losses: Losses; readonly patches: Patches }> {
      const places = shape.batch * model.config.rpn.samples;
      const { samples, cells } = rpnSamples(anchors, { anchors: programs.anchors, places });
      const head = await kept.get(`${places} ${training}`, () => rpnProgram({ ...options, training }, places));
      gatherPatches(pyramid, cells, model.channels, head.features);
      const outputs = await runHead(head, options.values, prefixed("rpn/", samples), into);
      const gradient = outputs[FEATURE_GRADIENT] as Float32Array | undefined;
      return { losses: readLosses(outputs, RPN_LOSSES), patches: { cells, gradient } };
    },
    dispose: () => kept.dispose(),
  };
}
