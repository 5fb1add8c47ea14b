import type { z } from "zod";
import type { ParameterScope } from "../nn/parameters.js";
import { anyOf, type KindSchema, KindTable } from "../schemas/kinds.js";
import { maskRcnn } from "./maskRcnn.js";
import type { SegmentationHead, SegmentationHeadKind, SegmentationHeadOptions } from "./segmentationHead.js";
import { semanticFpn } from "./semanticFpn.js";

/** All heads that find objects. Training them and reading their outputs is up to their models in lib/models. */
export const DETECTION_HEADS = [maskRcnn] as const;

/** All heads that give every pixel a class. A new one is a file and a line here. */
export const SEGMENTATION_HEADS = [semanticFpn] as const;

// Each takes its own config; that tie is lost in this look-up.
const segmentationHeads = new KindTable<typeof SEGMENTATION_HEADS, SegmentationHeadKind>(
  "segmentation head",
  SEGMENTATION_HEADS,
);

export const detectionHeadConfig = anyOf(DETECTION_HEADS);
export const segmentationHeadConfig = () => segmentationHeads.config();

export type MaskRcnnConfig = z.output<typeof maskRcnn.schema>;
export type SegmentationHeadConfig = z.output<ReturnType<typeof segmentationHeadConfig>>;

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
