import { add } from "./operators/elementwise.js";
import { filled } from "./operators/leaves.js";
import { nodesInOrder } from "./traverse.js";
import { check, inScope, sizeOf, type Value } from "./value.js";

/** The gradient of the loss with respect to a value, given from outside. */
export interface Seed {
  readonly value: Value;
  readonly gradient: Value;
}

/**
 * Reverse-mode differentiation: returns d loss / d x for every x in `targets`, as values of the same graph.
 *
 * @param loss one scalar (its gradient is 1), or seeds: values whose gradients come from elsewhere, such as the
 *   backward half of a network behind a host operator
 * @returns for each target its gradient, of its shape; undefined where the loss does not depend on it
 */
export function gradients(loss: Value | readonly Seed[], targets: readonly Value[]): (Value | undefined)[] {
  const seeds = isSeeds(loss) ? loss : [{ value: loss, gradient: filled(loss.shape, 1) }];
  if (!isSeeds(loss)) check(sizeOf(loss.shape) === 1, () => `a loss is one number, not [${loss.shape}]`);

  const order = nodesInOrder(seeds.map((seed) => seed.value));
  const wanted = dependents(order, targets);
  const found = new Map<Value, Value>();
  const accumulate = (value: Value, gradient: Value) => {
    const known = found.get(value);
    found.set(value, known === undefined ? gradient : add(known, gradient));
  };
  for (const { value, gradient } of seeds) accumulate(value, gradient);

  for (const node of order.reverse()) {
    const { gradient } = node.operator;
    if (gradient === undefined || !node.inputs.some((x) => wanted.has(x))) continue;
    const outputGradients = node.outputs.map((output) => found.get(output));
    if (outputGradients.every((g) => g === undefined)) continue;
    const inputGradients = inScope(`grad(${node.scope})`, () => gradient(node, outputGradients));
    node.inputs.forEach((input, i) => {
      const g = inputGradients[i];
      if (g !== undefined && wanted.has(input)) accumulate(input, g);
    });
  }
  return targets.map((target) => found.get(target));
}

function isSeeds(loss: Value | readonly Seed[]): loss is readonly Seed[] {
  return Array.isArray(loss);
}

/** The targets and every value computed from one of them: gradients only need to flow along these. */
function dependents(order: readonly Value["node"][], targets: readonly Value[]): Set<Value> {
  const result = new Set<Value>(targets);
  for (const node of order) {
    if (node.inputs.some((x) => result.has(x))) for (const output of node.outputs) result.add(output);
  }
  return result;
}
