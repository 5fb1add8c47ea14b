import { constantOperator } from "../operators/leaves.js";
import type { AttributesOf, OperatorName } from "../operators.js";
import { nodesInOrder } from "../traverse.js";
import { isOperator, type Node, type Value } from "../value.js";
import type { Outputs } from "./rewrite.js";

/** The node a value comes from, if it is one of that operator. */
export function madeBy<Name extends OperatorName>(value: Value, name: Name): Node<AttributesOf<Name>> | undefined {
  // The table ties each operator's name to its attributes; a node has lost that tie.
  return nameOf(value) === name ? (value.node as Node<AttributesOf<Name>>) : undefined;
}

/** The name of the operator a value comes from, typed, so that a rule cannot ask for a name that does not exist. */
export const nameOf = ({ node }: Value): OperatorName => node.operator.name as OperatorName;

/** How many times a graph uses each value, as an input of a node or as an output of the graph. */
export function countUses(outputs: Outputs): (value: Value) => number {
  const uses = new Map<Value, number>();
  const count = (value: Value) => uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const output of Object.values(outputs)) count(output);
  for (const node of nodesInOrder(Object.values(outputs))) node.inputs.forEach(count);
  // A value that a rule has just made is used once, where the rule put it.
  return (value) => uses.get(value) ?? 1;
}

/** Tells which values only depend on constants, also for values made later. */
export function constantTest(outputs: Outputs): (value: Value) => boolean {
  const known = new Map<Node, boolean>();
  const test = (node: Node): boolean => {
    let constant = known.get(node);
    if (constant === undefined) {
      const leaf = node.inputs.length === 0;
      constant = leaf ? isOperator(node, constantOperator) : node.inputs.every((input) => test(input.node));
      known.set(node, constant);
    }
    return constant;
  };
  for (const node of nodesInOrder(Object.values(outputs))) test(node); // in order, so that no answer recurses deeply
  return (value) => test(value.node);
}
