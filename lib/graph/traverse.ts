import type { Node, Value } from "./value.js";

/**
 * The nodes that the outputs need, each after the nodes it takes its inputs from; the order depends only on the graph.
 */
export function nodesInOrder(outputs: Iterable<Value>): Node[] {
  const done = new Set<Node>();
  const order: Node[] = [];
  for (const output of outputs) {
    // An explicit stack: gradients of deep models would overflow the call stack.
    const stack: { node: Node; next: number }[] = [{ node: output.node, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (done.has(top.node)) {
        stack.pop();
        continue;
      }
      const input = top.node.inputs[top.next++];
      if (input === undefined) {
        done.add(top.node);
        order.push(top.node);
        stack.pop();
      } else if (!done.has(input.node)) {
        stack.push({ node: input.node, next: 0 });
      }
    }
  }
  return order;
}

/** For each value, the nodes that take it as an input. */
export function consumersOf(nodes: readonly Node[]): Map<Value, Node[]> {
  const consumers = new Map<Value, Node[]>();
  for (const node of nodes) {
    for (const input of new Set(node.inputs)) {
      const list = consumers.get(input);
      if (list === undefined) consumers.set(input, [node]);
      else list.push(node);
    }
  }
  return consumers;
}
