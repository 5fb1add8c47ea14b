import type { Tensors } from "../../../engines/engine.js";
import type { RoiAlignKernel } from "../../../regions/roiAlignKernel.js";
import { type GradientStore, inputsOf } from "../../bindings.js";
import { SharedArrays } from "../../sharedArrays.js";
import type { StageOptions } from "../programs.js";
import { addPatches } from "../rpnSamples.js";
import type { Features } from "./features.js";
import { poolable, poolOptions, pyramidLevels } from "./pyramid.js";
import type { Pooled } from "./roiHeads.js";
import type { Patches } from "./rpn.js";

/** Adds up the heads' gradients in the pyramid and propagates them back to the images. */
export function backwardHalf({ model, values }: StageOptions, align: RoiAlignKernel) {
  const memory = new SharedArrays();

  const pyramidGradient = ({ shape, programs }: Features, pooled: readonly Pooled[], patches: Patches): Tensors => {
    const sums = memory.for(programs.pyramidGradient);
    const levels = pyramidLevels(
      model,
      shape,
      Object.values(sums).map((data) => data.fill(0)),
    );
    for (const { head, rois, gradient } of pooled) {
      align.backward(gradient, poolable(model, levels), rois, poolOptions(model, head));
    }
    if (patches.gradient !== undefined) addPatches(patches.gradient, levels, patches.cells, model.channels);
    return sums;
  };

  return {
    /** @param into gets the gradients of backbone and neck; where all of those are frozen there is nothing to do */
    async run(features: Features, pooled: readonly Pooled[], patches: Patches, into: GradientStore): Promise<void> {
      const { backward } = features.programs;
      if (backward === undefined) return;
      const given = { ...features.given, ...features.outputs, ...pyramidGradient(features, pooled, patches) };
      await backward.run(inputsOf(backward, values, given), into.viewsFor(backward));
    },
  };
}
