import { z } from "zod";
import { reshape, type Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import { normal, xavierUniform, zeros } from "../nn/initialisers.js";
import { linear, relu, sequential } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import { count, positive } from "../schemas/fields.js";

/** Its config keys. */
export const boxHeadKeys = {
  boxPoolSize: count("Bins along a side for the box head").default(7),
  boxWidth: count("Width of the box head's two fully connected layers").default(1024),
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
  readonly width: number;
  readonly classes: number;
}

/** Two fully connected layers with ReLU, then class logits and deltas for each class (the box head of FPN). */
export function boxHead(scope: ParameterScope, { in: channels, poolSize, width, classes }: BoxHeadOptions): BoxHead {
  const inputs = channels * poolSize * poolSize;
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
  const init = { initWeight: xavierUniform, initBias: zeros };
  const shared = sequential(
    linear(scope.child("shared_fcs.0"), { in: inputs, out: width, ...init }),
    relu,
    linear(scope.child("shared_fcs.1"), { in: width, out: width, ...init }),
    relu,
  );
  return {
    forward: (features, context) => {
      const hidden = shared(reshape(features, [features.shape[0]!, inputs]), context); // [R, width]
      return { logits: classify(hidden, context), deltas: regress(hidden, context) };
    },
  };
}
