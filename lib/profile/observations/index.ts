import { nearestName, UserError } from "../../errors.js";
import { activation } from "./activation.js";
import { dimension } from "./dimension.js";
import type { Observation } from "./experiment.js";
import { norm } from "./norm.js";
import { patchEmbedding } from "./patchEmbedding.js";

/** In the paper's order. */
export const OBSERVATIONS: readonly Observation[] = [patchEmbedding, dimension, norm, activation];

/**
 * The observations with these names, in the paper's order; all of them for an empty list.
 *
 * @throws UserError for an unknown name
 */
export function observationsOf(names: readonly string[]): readonly Observation[] {
  const known = OBSERVATIONS.map(({ name }) => name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = nearestName(name, known);
    const hint = near === undefined ? `there are ${known.join(", ")}` : `did you mean ${near}?`;
    throw new UserError(`no observation is called "${name}"; ${hint}`, 2);
  }
  return names.length === 0 ? OBSERVATIONS : OBSERVATIONS.filter(({ name }) => names.includes(name));
}
