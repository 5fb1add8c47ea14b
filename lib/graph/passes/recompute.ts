import { geluOperator, reluOperator } from "../operators/activations.js";
import { add, div, sqrt, subOperator } from "../operators/elementwise.js";
import { scalar } from "../operators/leaves.js";
import { batchNormOperator, channelAffine, channelAffineOperator } from "../operators/normalisation.js";
import { averagePoolOperator } from "../operators/pooling.js";
import type { Value } from "../value.js";

/** Operators that cost a pass over memory, about what it costs to write their result and read it again. */
const CHEAP = new Set(
  [geluOperator, reluOperator, subOperator, channelAffineOperator, averagePoolOperator].map(({ name }) => name),
);

/** Whether a value is better computed twice than kept, because little more than a pass over memory makes it. */
export function isCheap({ node }: Value): boolean {
  return CHEAP.has(node.operator.name);
}

/**
 * Batch norm's result from x − mean and the variance, which its gradient needs anyway; undefined for other values.
 *
 * @param take where to get a value from in the place of the recomputation
 */
export function recomputeBatchNorm({ node, index }: Value, take: (value: Value) => Value): Value | undefined {
  if (node.operator.name !== batchNormOperator.name || index !== 0) return undefined;
  const [, gamma, beta] = node.inputs as readonly [Value, Value, Value];
  const [, , variance, centred] = node.outputs as readonly [Value, Value, Value, Value];
  const { epsilon } = node.attributes as { readonly epsilon: number };
  const scale = div(gamma, sqrt(add(take(variance), scalar(epsilon))));
  return channelAffine(take(centred), scale, beta);
}
