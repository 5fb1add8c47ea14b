import { z } from "zod";
import type { Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import { normal, zeros } from "../nn/initialisers.js";
import { linear } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import { count, positive } from "../schemas/fields.js";
import { type BoxHeadConfig, boxHeadLayers } from "./boxHeads/index.js";

/** Its config keys. */
export const boxHeadKeys = {
  boxPoolSize: count("Bins along a side for the box head").default(7),
  boxWidth: count("Width of the box head's two fully connected layers, if there is no boxHead").default(1024),
  boxStds: z
    .tuple([positive("x"), positive("y"), positive("width"), positive("height")])
    .default([0.1, 0.1, 0.2, 0.2])
    .describe("Scale of the box deltas x, y, width, height"),
};

export interface BoxHead {
  /** @param features [R, C, p, p] @returns logits [R, classes + 1], the background last, and deltas [R, 4 · classes] */
  readonly forward: (features: Value, context: Context) => { logits: Value; deltas: Value };
}

export interface BoxHeadOptions {
  readonly in: number;
  /** Side of the pooled features. */
  readonly poolSize: number;
  readonly layers: BoxHeadConfig;
  readonly classes: number;
}

/** Layers (two fully connected ones with ReLU in FPN), then class logits and deltas for each class. */
export function boxHead(scope: ParameterScope, { in: channels, poolSize, layers, classes }: BoxHeadOptions): BoxHead {
  const shared = boxHeadLayers(scope, layers, { in: channels, poolSize });
  const width = shared.channels;
  const classify = linear(scope.child("fc_cls").ofOutput(), {
    in: width,
    out: classes + 1,
    initWeight: normal(0.01),
    initBias: zeros,
  });
  const regress = linear(scope.child("fc_reg").ofOutput(), {
    in: width,
    out: 4 * classes,
    initWeight: normal(0.001),
    initBias: zeros,
  });
  const hidden = shared.make();
  return {
    forward: (features, context) => {
      const x = hidden(features, context); // [R, width]
      return { logits: classify(x, context), deltas: regress(x, context) };
    },
  };
}
