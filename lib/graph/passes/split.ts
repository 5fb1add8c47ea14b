import { constantOperator, input, inputOperator } from "../operators/leaves.js";
import { nodesInOrder } from "../traverse.js";
import { isOperator, type Node, type Value } from "../value.js";
import { isCheap, recomputeBatchNorm } from "./recompute.js";
import { rewrite } from "./rewrite.js";

export interface Halves {
  /** The first outputs, and everything the second half takes over. */
  readonly first: Readonly<Record<string, Value>>;
  readonly second: Readonly<Record<string, Value>>;
  /** Names under which the first half gives and the second takes values. */
  readonly carried: readonly string[];
}

/**
 * Cuts a graph in two so that something can be done on the host in between: `first` is computed before, `second`
 * after. What the second half needs of the first is carried over, but for what is cheap to compute again: carrying
 * costs memory, and a copy in some engines.
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
