import { z } from "zod";
import { anyOf, kindOf } from "../schemas/kinds.js";
import { adamW } from "./adamw.js";
import type { Optimizer, OptimizerKind } from "./optimizer.js";
import { sgd } from "./sgd.js";

/** All optimisers. A new one is a file and a line here. */
export const OPTIMIZERS = [adamW, sgd] as const;

export const optimizerConfig = anyOf(OPTIMIZERS).describe("The update rule");

export type OptimizerConfig = z.output<typeof optimizerConfig>;

const OF_PARTS = { decayNormsAndBiases: true, layerDecay: true, multipliers: true } as const;

/** The same for parameters that are all treated alike. */
export const plainOptimizerConfig = z
  .discriminatedUnion("type", [adamW.schema.omit(OF_PARTS), sgd.schema.omit(OF_PARTS)])
  .describe("The update rule");

export type PlainOptimizerConfig = z.output<typeof plainOptimizerConfig>;

/** The update rule that a config describes, with its state. @param length the number of parameters */
export function createOptimizer(config: OptimizerConfig | PlainOptimizerConfig, length: number): Optimizer {
  // Each takes its own config; that tie is lost in this look-up.
  return kindOf(OPTIMIZERS as readonly unknown[] as readonly OptimizerKind[], config).create(config, length);
}
