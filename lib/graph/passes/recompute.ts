import { add, div, sqrt } from "../operators/elementwise.js";
import { scalar } from "../operators/leaves.js";
import { batchNormOperator, channelAffine } from "../operators/normalisation.js";
import { isOperator, type Value } from "../value.js";

/** Whether a value should be computed twice rather than kept, because it costs little more than a pass over memory. */
export function isCheap({ node: { operator } }: Value): boolean {
  return operator.cheap === "inStep" || operator.cheap === "everywhere";
}

/**
 * Batch norm's result from x − mean and the variance, which its gradient needs anyway; undefined for other values.
 *
 * @param take where to get a value from at the place of the recomputation
 */
export function recomputeBatchNorm({ node, index }: Value, take: (value: Value) => Value): Value | undefined {
  if (!isOperator(node, batchNormOperator) || index !== 0) return undefined;
  const [, gamma, beta] = node.inputs as readonly [Value, Value, Value];
  const [, , variance, centred] = node.outputs as readonly [Value, Value, Value, Value];
  const { epsilon } = node.attributes as { readonly epsilon: number };
  const scale = div(gamma, sqrt(add(take(variance), scalar(epsilon))));
  return channelAffine(take(centred), scale, beta);
}
