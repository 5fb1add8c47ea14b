import { isOperator, type Node, restoreOperator, truncateOperator } from "../../graph/index.js";

/** The nodes, given in order, between `truncate` and `restore`: they have fewer rows than their shapes say. */
export function behindTruncate(order: readonly Node[]): ReadonlySet<Node> {
  const found = new Set<Node>();
  for (const node of order) {
    const starts = isOperator(node, truncateOperator);
    const goesOn = !isOperator(node, restoreOperator) && node.inputs.some((input) => found.has(input.node));
    if (starts || goesOn) found.add(node);
  }
  return found;
}
