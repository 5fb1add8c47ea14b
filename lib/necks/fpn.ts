import { z } from "zod";
import { add, inScope, resizeNearest, spatial } from "../graph/index.js";
import { xavierUniform, zeros } from "../nn/initialisers.js";
import { convolution } from "../nn/layers.js";
import { count } from "../schemas/fields.js";
import { everySecond, neckKind } from "./neck.js";

const schema = z.strictObject({
  type: z.literal("fpn"),
  channels: count("Channels of every level").default(256),
});

/**
 * Feature pyramid network (Lin et al. 2017): 1×1 lateral convolutions, top-down nearest-neighbour additions, 3×3 output
 * convolutions; no norm, no activation.
 */
export const fpn = neckKind({
  schema,
  make: (scope, { channels }, { inputs, extraLevel }) => {
    const init = { initWeight: xavierUniform, initBias: zeros };
    const laterals = inputs.channels.map((width, i) =>
      convolution(scope.child(`lateral_convs.${i}.conv`), { in: width, out: channels, kernel: 1, ...init }),
    );
    const outputs = inputs.channels.map((_, i) =>
      convolution(scope.child(`fpn_convs.${i}.conv`), { in: channels, out: channels, kernel: 3, ...init }),
    );
    const coarsest = inputs.strides.at(-1)!;
    return {
      channels,
      strides: extraLevel ? [...inputs.strides, coarsest * 2] : inputs.strides,
      forward: (maps, context) =>
        inScope(scope.path, () => {
          const merged = maps.map((map, i) => laterals[i]!(map, context));
          for (let i = merged.length - 2; i >= 0; i--) {
            merged[i] = add(merged[i]!, resizeNearest(merged[i + 1]!, spatial(merged[i]!)));
          }
          const levels = merged.map((map, i) => outputs[i]!(map, context));
          return extraLevel ? [...levels, everySecond(levels.at(-1)!)] : levels;
        }),
    };
  },
});
