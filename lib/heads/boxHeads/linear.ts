import { z } from "zod";
import { reshape } from "../../graph/index.js";
import { xavierUniform, zeros } from "../../nn/initialisers.js";
import { type Layer, linear as layer, relu, sequential } from "../../nn/layers.js";
import { count } from "../../schemas/fields.js";
import { roiHeadKind } from "../roiHead.js";

/** Fully connected layers with ReLU (the box head of FPN has two). */
export const linear = roiHeadKind({
  schema: z.strictObject({
    type: z.literal("linear"),
    width: count("Width of the layers").default(1024),
    layers: count("Layers", 1, 16).default(2),
  }),
  channels: ({ width }) => width,
  make(scope, { width, layers }, { in: channels, poolSize }) {
    const inputs = channels * poolSize * poolSize;
    const all: Layer[] = [];
    for (let i = 0; i < layers; i++) {
      const own = scope.child(`shared_fcs.${i}`);
      const from = i === 0 ? inputs : width;
      all.push(layer(own, { in: from, out: width, initWeight: xavierUniform, initBias: zeros }), relu);
    }
    const whole = sequential(...all);
    return (features, context) => whole(reshape(features, [features.shape[0]!, inputs]), context);
  },
});
