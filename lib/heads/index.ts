import { z } from "zod";
import type { ParameterScope } from "../nn/parameters.js";
import { type KindSchema, KindTable, type SchemasOf } from "../schemas/kinds.js";
import { classLossKey } from "./losses/keys.js";
import { type MaskRcnnSchema, maskRcnnSchema } from "./maskRcnn.js";
import type { SegmentationHead, SegmentationHeadKind, SegmentationHeadOptions } from "./segmentationHead.js";
import { semanticFpn } from "./semanticFpn.js";

/**
 * The schemas of all heads that find objects, made anew for each config, since what heads are made of can be added to. Training
 * them and reading their outputs is up to their models in lib/models.
 */
export const DETECTION_HEADS = [maskRcnnSchema] as const;

/** All heads that give every pixel a class. A new one is a file and a line here. */
export const SEGMENTATION_HEADS = [semanticFpn] as const;

// Each takes its own config; that tie is lost in this look-up.
const segmentationHeads = new KindTable<typeof SEGMENTATION_HEADS, SegmentationHeadKind>(
  "segmentation head",
  SEGMENTATION_HEADS,
);

export const detectionHeadConfig = (): DetectionHeadSchema => z.discriminatedUnion("type", [DETECTION_HEADS[0]()]);

export const segmentationHeadConfig = (): SegmentationHeadSchema => {
  const classLoss = classLossKey(); // those that are known now, whenever the head was described
  const schemas = segmentationHeads.all.map(({ schema }) => schema.safeExtend({ classLoss }));
  return z.discriminatedUnion("type", schemas as unknown as SchemasOf<typeof SEGMENTATION_HEADS>);
};

export interface DetectionHeadSchema extends z.ZodDiscriminatedUnion<[MaskRcnnSchema], "type"> {}
export interface SegmentationHeadSchema extends z.ZodDiscriminatedUnion<SchemasOf<typeof SEGMENTATION_HEADS>, "type"> {}

export type MaskRcnnConfig = z.output<MaskRcnnSchema>;
export type SegmentationHeadConfig = z.output<SegmentationHeadSchema>;

/** Makes the head that a config describes; its parameters get the scope's path in front of their names. */
export function makeSegmentationHead(
  scope: ParameterScope,
  config: SegmentationHeadConfig,
  options: SegmentationHeadOptions,
): SegmentationHead {
  return segmentationHeads.of(config).make(scope, config, options);
}

/**
 * Adds a head that segmentation configs can then name.
 *
 * @returns a function that removes it again
 * @throws UserError when one of its type already exists
 */
export const registerSegmentationHead = <Schema extends KindSchema>(kind: SegmentationHeadKind<Schema>) =>
  segmentationHeads.add(kind as unknown as SegmentationHeadKind);
