import { z } from "zod";
import { flag, positive } from "../schemas/fields.js";
import type { KindSchema } from "../schemas/kinds.js";

/** A stretch of parameters in the flat arrays that are updated alike. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
  /** Multiplies the learning rate; 0 leaves the parameters unchanged. */
  readonly lrScale: number;
  /** Whether weight decay applies. */
  readonly decay: boolean;
}

export interface UpdateOptions {
  /** [n] changed in place. */
  readonly parameters: Float32Array;
  /** [n] */
  readonly gradients: Float32Array;
  readonly segments: readonly Segment[];
  readonly lr: number;
  /** The number of this update, counted from 1. */
  readonly update: number;
  /** Multiplies the gradients: a clipping factor, one over the number of accumulated batches. Default 1. */
  readonly gradientScale?: number;
}

/** An update rule over flat arrays. Its state is exposed so that a checkpoint can hold it. */
export interface Optimizer {
  /** Flat arrays of the parameters' length; written into, to resume. */
  readonly state: Readonly<Record<string, Float32Array>>;
  update(options: UpdateOptions): void;
}

/** Config keys that every optimiser has. */
const generalKeys = {
  lr: positive("Learning rate after warm-up"),
  decayNormsAndBiases: flag("Weight decay on norms, biases, layer scales and attention biases too").default(false),
  layerDecay: z
    .number()
    .positive()
    .max(1)
    .exactOptional()
    .describe(
      "Layer-wise decay: the learning rate falls by this factor from layer to layer towards the stem: full after the backbone, times this in its last layer, times its square in the one before; without it, all layers have the same",
    ),
  multipliers: z
    .array(
      z.strictObject({
        match: z
          .string()
          .min(1)
          .describe(
            "A part of the model: the first words of its parameters' names, e.g. backbone or backbone.patch_embed",
          ),
        lr: z.number().min(0).describe("Multiplies the learning rate"),
      }),
    )
    .default([])
    .describe("Learning rates of parts; of several that match, the longest name applies"),
};

/** The options that every optimiser has. */
export type GeneralOptions = { [Key in keyof typeof generalKeys]: z.output<(typeof generalKeys)[Key]> };

export const weightDecay = z.number().min(0);

/** A factor by which an average decays at each step. */
export const decayRate = z.number().min(0).lt(1);

/** The config schema of an optimiser: its `type`, the keys of every optimiser, and its own. */
export function optimizerSchema<const Type extends string, Shape extends z.ZodRawShape>(type: Type, keys: Shape) {
  return z.strictObject({ type: z.literal(type), ...generalKeys, ...keys });
}

/** Everything the project knows about an update rule. lib/optimizers/index.ts has the table of them. */
export interface OptimizerKind<Schema extends z.ZodType = KindSchema> {
  /** Made by `optimizerSchema`. */
  readonly schema: Schema;
  /** @param length the number of parameters */
  readonly create: (config: Omit<z.output<Schema>, "type" | keyof GeneralOptions>, length: number) => Optimizer;
}

/** Describes an optimiser; the types follow from the schema. */
export const optimizerKind = <Schema extends z.ZodType>(kind: OptimizerKind<Schema>): OptimizerKind<Schema> => kind;
