import { constantOperator, input, inputOperator } from "../operators/leaves.js";
import { nodesInOrder } from "../traverse.js";
import { isOperator, type Node, type Value } from "../value.js";
import { isCheap, recomputeBatchNorm } from "./recompute.js";
import { rewrite } from "./rewrite.js";

export interface Halves {
  /** The first outputs, and everything that the second half needs from the first. */
  readonly first: Readonly<Record<string, Value>>;
  readonly second: Readonly<Record<string, Value>>;
  /** Names of the values that the first half passes to the second. */
  readonly carried: readonly string[];
}

/**
 * Cuts a graph in two so that something can be done on the host in between: `first` is computed before, `second` after.
 * What the second half needs from the first is carried over, except values that are cheap to compute again: carrying
 * costs memory, and in some engines a copy.
 *
 * @param prefix of the carried tensors' names
 */
export function splitGraph(
  first: Readonly<Record<string, Value>>,
  second: Readonly<Record<string, Value>>,
  prefix = "carried/",
): Halves {
  const before = new Set<Node>(nodesInOrder(Object.values(first)));
  const carried = new Map<Value, string>();
  const carry = (value: Value): Value => {
    const name = carried.get(value) ?? `${prefix}${carried.size}`;
    carried.set(value, name);
    return input(name, value.shape, value.dtype);
  };
  const given = new Set(Object.values(first));
  const rest = rewrite(second, (value) => {
    if (!before.has(value.node) || isLeaf(value.node)) return undefined;
    if (given.has(value)) return carry(value);
    return isCheap(value) ? undefined : (recomputeBatchNorm(value, carry) ?? carry(value));
  });
  const taken = [...carried].map(([value, name]) => [name, value] as const);
  return { first: { ...first, ...Object.fromEntries(taken) }, second: rest, carried: [...carried.values()] };
}

function isLeaf(node: Node): boolean {
  return isOperator(node, inputOperator) || isOperator(node, constantOperator);
}
