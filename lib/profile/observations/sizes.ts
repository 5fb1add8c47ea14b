import { EFFICIENTFORMER_SIZES } from "../../backbones/efficientformerSizes.js";
import type { Shape } from "../../graph/index.js";

/** Expansion ratio of the MLPs in its blocks. */
export const EXPANSION = 4;

/** A stage's maps in EfficientFormer-L1 at 224², the model and size that the paper times. */
export interface StageSize {
  readonly stage: number;
  readonly channels: number;
  /** Of a map. */
  readonly side: number;
}

export const STAGES: readonly StageSize[] = EFFICIENTFORMER_SIZES.l1.widths.map((channels, i) => ({
  stage: i + 1,
  channels,
  side: 224 / 2 ** (i + 2),
}));

export const stageOf = (stage: number): StageSize => STAGES[stage - 1]!;

/** "stage 3, 224 channels of 14 × 14" */
export const titleOfStage = ({ stage, channels, side }: StageSize): string =>
  `stage ${stage}, ${channels} channels of ${side} × ${side}`;

export const mapShape = ({ channels, side }: StageSize): Shape => [1, channels, side, side];
export const tokenShape = ({ channels, side }: StageSize): Shape => [1, side * side, channels];
