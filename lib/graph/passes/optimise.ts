import { blend } from "./blend.js";
import { commonSubexpressions } from "./commonSubexpressions.js";
import { foldAffine } from "./foldAffine.js";
import { foldBranches } from "./foldBranches.js";
import { type Evaluate, type FoldOptions, foldConstants } from "./foldConstants.js";
import { foldLinear } from "./foldLinear.js";
import { type Outputs, sameOutputs } from "./rewrite.js";
import { simplify } from "./simplify.js";

const STRUCTURAL = [commonSubexpressions, simplify, blend, foldAffine, foldBranches, foldLinear];
const MOST_ROUNDS = 10;

/** Everything that makes a graph of known parameters cheaper without computing anything: the passes in turn, until none applies. */
export function rearrange(outputs: Outputs): Outputs {
  let current = outputs;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const next = STRUCTURAL.reduce((graph, pass) => pass(graph), current);
    if (sameOutputs(next, current)) return next;
    current = next;
  }
  return current;
}

/**
 * Optimises the graph of a model for inference: batch norms and scales are folded into neighbouring layers, and what
 * only depends on parameters is computed once. The outputs stay the same up to rounding.
 *
 * @param evaluate runs a small program without inputs, such as `compile` and `run` of an engine
 */
export async function optimiseForInference(
  outputs: Outputs,
  evaluate: Evaluate,
  options: FoldOptions = {},
): Promise<Outputs> {
  const folded = await foldConstants(rearrange(outputs), evaluate, options);
  return rearrange(folded);
}
