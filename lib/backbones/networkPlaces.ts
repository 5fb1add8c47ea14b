/*
 * EfficientFormer's and PoolFormer's own checkpoints number stages and what joins them in one list, `network`: stages stand
 * at even places, what joins them at odd ones. Others number each kind on its own.
 */

export const stagePlace = ([stage]: readonly string[]): string => `network.${2 * Number(stage)}.`;
export const joinPlace = ([stage]: readonly string[]): string => `network.${2 * Number(stage) - 1}.`;
