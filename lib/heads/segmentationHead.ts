import { z } from "zod";
import type { Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import type { ParameterScope } from "../nn/parameters.js";
import { flag } from "../schemas/fields.js";
import type { KindSchema } from "../schemas/kinds.js";
import { type ChosenLoss, checkLoss, classLossKey, classWeights, focalGamma } from "./losses/keys.js";

/** The layers between a pyramid and the scores of each class. */
export interface SegmentationHead {
  /** @param levels [B, C, H_l, W_l], finest first @returns logits [B, classes, H_0, W_0] */
  readonly forward: (levels: readonly Value[], context: Context) => Value;
}

/** What a head is made for. */
export interface SegmentationHeadOptions {
  /** Channels of every level. */
  readonly in: number;
  /** Strides of the levels, finest first. */
  readonly strides: readonly number[];
  readonly classes: number;
}

/** Config keys that every segmentation head has. */
const generalKeys = () => ({
  averageOverAllPixels: flag(
    "Divide the loss by all pixels, ignored ones included, as MMSegmentation 0.x does; else by the labelled ones",
  ).default(false),
  classWeights: classWeights
    .exactOptional()
    .describe(
      "Weight of each class's pixels in the loss, in order; balanced: every class counts the same; without it, every pixel",
    ),
  classLoss: classLossKey(),
  focalGamma,
});

/** The config schema of a segmentation head: its `type`, its own keys, and those that every head has. */
export function segmentationHeadSchema<const Type extends string, Shape extends z.ZodRawShape>(
  type: Type,
  keys: Shape,
) {
  return z
    .strictObject({ type: z.literal(type), ...keys, ...generalKeys() })
    .superRefine((config, context) => checkLoss(config as ChosenLoss, context));
}

/**
 * Everything the project knows about a head that gives every pixel a class. lib/heads/index.ts has the table of them.
 */
export interface SegmentationHeadKind<Schema extends z.ZodType = KindSchema> {
  /** Made by `segmentationHeadSchema`. */
  readonly schema: Schema;
  readonly make: (
    scope: ParameterScope,
    config: Omit<z.output<Schema>, "type" | keyof ReturnType<typeof generalKeys>>,
    options: SegmentationHeadOptions,
  ) => SegmentationHead;
}

/** Describes a segmentation head; the types follow from the schema. */
export const segmentationHeadKind = <Schema extends z.ZodType>(
  kind: SegmentationHeadKind<Schema>,
): SegmentationHeadKind<Schema> => kind;
