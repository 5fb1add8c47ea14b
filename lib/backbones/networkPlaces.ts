import type { Backbone } from "./backbone.js";

/*
 * EfficientFormer's and PoolFormer's own checkpoints number stages and the layers between them in one list, `network`:
 * stages have even indices, the layers between them odd ones. Others number each kind separately.
 */

export const stagePlace = ([stage]: readonly string[]): string => `network.${2 * Number(stage)}.`;
export const joinPlace = ([stage]: readonly string[]): string => `network.${2 * Number(stage) - 1}.`;

/**
 * The stem and the four stages in that list, each with the layers that connect it to the one before, in the form of
 * `Backbone`.
 */
export const NETWORK_STAGES: Backbone["stages"] = [
  ["patch_embed"],
  ["network.0"],
  ...[1, 3, 5].map((place) => [`network.${place}`, `network.${place + 1}`]),
];
