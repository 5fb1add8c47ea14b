import type { z } from "zod";
import type { ParameterScope } from "../nn/parameters.js";
import { anyOf, kindOf } from "../schemas/kinds.js";
import { maskRcnn } from "./maskRcnn.js";
import type { SegmentationHead, SegmentationHeadKind, SegmentationHeadOptions } from "./segmentationHead.js";
import { semanticFpn } from "./semanticFpn.js";

/** The heads there are that find objects. How one is trained and read is its model's: lib/models. */
export const DETECTION_HEADS = [maskRcnn] as const;

/** The heads there are that give every pixel a class. A new one is a file of its own and a line here. */
export const SEGMENTATION_HEADS = [semanticFpn] as const;

export const detectionHeadConfig = anyOf(DETECTION_HEADS);
export const segmentationHeadConfig = anyOf(SEGMENTATION_HEADS);

export type MaskRcnnConfig = z.output<typeof maskRcnn.schema>;
export type SegmentationHeadConfig = z.output<typeof segmentationHeadConfig>;

/** Makes the head that a config describes; its parameters get the scope's path in front of their names. */
export function makeSegmentationHead(
  scope: ParameterScope,
  config: SegmentationHeadConfig,
  options: SegmentationHeadOptions,
): SegmentationHead {
  // Each takes its own config; that tie is lost in this look-up.
  const kinds = SEGMENTATION_HEADS as readonly unknown[] as readonly SegmentationHeadKind[];
  return kindOf(kinds, config).make(scope, config, options);
}
