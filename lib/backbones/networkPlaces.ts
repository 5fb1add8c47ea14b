import type { Backbone } from "./backbone.js";

/*
 * EfficientFormer's and PoolFormer's own checkpoints number stages and what joins them in one list, `network`: stages stand
 * at even places, what joins them at odd ones. Others number each kind on its own.
 */

export const stagePlace = ([stage]: readonly string[]): string => `network.${2 * Number(stage)}.`;
export const joinPlace = ([stage]: readonly string[]): string => `network.${2 * Number(stage) - 1}.`;

/** The stem and the four stages in that list, each with what joins it to the one before, as `Backbone` has them. */
export const NETWORK_STAGES: Backbone["stages"] = [
  ["patch_embed"],
  ["network.0"],
  ...[1, 3, 5].map((place) => [`network.${place}`, `network.${place + 1}`]),
];
