import { type EfficientFormerSize, titleOfSize, WIDTH_STEP } from "../backbones/efficientformerSizes.js";
import { UserError } from "../errors.js";

/**
 * The search space: all networks whose stages are no wider and no deeper than the start's, with MB3D only where the start
 * has them.
 */
export interface SearchSpace {
  readonly start: EfficientFormerSize;
}

/** @throws UserError where widths of the start are not multiples of 16, naming the nearest ones that are */
export function searchSpace(start: EfficientFormerSize): SearchSpace {
  for (const [stage, width] of start.widths.entries()) {
    if (width % WIDTH_STEP === 0) continue;
    const near = Math.max(WIDTH_STEP, Math.round(width / WIDTH_STEP) * WIDTH_STEP);
    throw new UserError(
      `stage ${stage + 1} is ${width} wide, and widths are searched in multiples of ${WIDTH_STEP}; ` +
        `set model.backbone.size with a width of ${near}, in place of ${titleOfSize(start)}`,
    );
  }
  return { start };
}

/** The widths that a stage may have, ascending. */
export const widthsOf = ({ start }: SearchSpace, stage: number): number[] =>
  Array.from({ length: start.widths[stage]! / WIDTH_STEP }, (_, i) => (i + 1) * WIDTH_STEP);
