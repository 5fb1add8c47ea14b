import { z } from "zod";
import { kaimingNormalFanOut, zeros } from "../../nn/initialisers.js";
import { convolution, type Layer, relu, sequential } from "../../nn/layers.js";
import { count } from "../../schemas/fields.js";
import { roiHeadKind } from "../roiHead.js";

/** 3×3 convolutions with ReLU (Mask R-CNN has four). */
export const convolutions = roiHeadKind({
  schema: z.strictObject({
    type: z.literal("convolutions"),
    count: count("Convolutions", 1, 64).default(4),
    channels: count("Channels").default(256),
  }),
  channels: ({ channels }) => channels,
  make(scope, { count, channels }, { in: inputs }) {
    const layers: Layer[] = [];
    for (let i = 0; i < count; i++) {
      const from = i === 0 ? inputs : channels;
      const init = { initWeight: kaimingNormalFanOut, initBias: zeros };
      layers.push(convolution(scope.child(`convs.${i}.conv`), { in: from, out: channels, kernel: 3, ...init }), relu);
    }
    return sequential(...layers);
  },
});
