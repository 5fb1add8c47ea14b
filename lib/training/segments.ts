import { UserError } from "../errors.js";
import { isWithin, type Parameter } from "../nn/parameters.js";
import type { GeneralOptions, Segment } from "../optimizers/optimizer.js";
import { elementCount } from "../tensors/tensor.js";

export interface SegmentOptions {
  readonly optimizer: Pick<GeneralOptions, "decayNormsAndBiases" | "multipliers">;
  /** The factor of the learning rate for a parameter's layer. Default 1. */
  readonly layerScale?: (name: string) => number;
  /** Parameters that are not trained get a rate of 0. Default: none. */
  readonly isFrozen?: (name: string) => boolean;
}

/**
 * How each trainable parameter is updated, in the order of the flat array; neighbours that are updated alike make one
 * segment.
 *
 * @throws UserError when a multiplier matches no parameter
 */
export function createSegments(
  parameters: readonly Pick<Parameter, "name" | "shape" | "role">[],
  { optimizer, layerScale = () => 1, isFrozen = () => false }: SegmentOptions,
): Segment[] {
  checkMultipliers(parameters, optimizer.multipliers);
  const segments: Segment[] = [];
  let offset = 0;
  for (const { name, shape, role } of parameters) {
    const length = elementCount(shape);
    const lrScale = isFrozen(name) ? 0 : layerScale(name) * lrScaleOf(name, optimizer.multipliers);
    const decay = role === "weight" || optimizer.decayNormsAndBiases;
    const last = segments.at(-1);
    if (last?.lrScale === lrScale && last.decay === decay) {
      segments[segments.length - 1] = { ...last, length: last.length + length };
    } else {
      segments.push({ offset, length, lrScale, decay });
    }
    offset += length;
  }
  return segments;
}

/** The multiplier with the longest match; 1 where none matches. */
function lrScaleOf(name: string, multipliers: GeneralOptions["multipliers"]): number {
  const matching = multipliers.filter(({ match }) => isWithin(name, match));
  return matching.sort((a, b) => b.match.length - a.match.length)[0]?.lr ?? 1;
}

function checkMultipliers(parameters: readonly { name: string }[], multipliers: GeneralOptions["multipliers"]): void {
  for (const { match } of multipliers) {
    if (parameters.some(({ name }) => isWithin(name, match))) continue;
    const parts = [...new Set(parameters.map(({ name }) => name.split(".")[0]))];
    throw new UserError(
      `training.optimizer.multipliers: there is no part "${match}"; the model's parts are ${parts.join(", ")}`,
    );
  }
}
