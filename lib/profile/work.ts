import { bytesOf, type NodeCost, nodeCosts } from "../graph/cost.js";
import { constantOperator, inputOperator, isOperator, type Node, nodesInOrder, sizeOf } from "../graph/index.js";
import type { Outputs } from "../graph/passes/rewrite.js";
import type { Parameter } from "../nn/parameters.js";
import type { OperatorWork, Work } from "./types.js";

/** Counts work in a folded graph. @param parameters the model's, before folding */
export function workCounter(whole: Outputs, parameters: readonly Parameter[]) {
  const costs = nodeCosts(whole, { isParameter: () => false });
  const learnt = parameters.filter(({ role }) => role !== "buffer");
  return {
    /** @param graph those operators as a graph of its own */
    of(graph: Outputs, has: (node: Node) => boolean, hasParameter: (name: string) => boolean): Work {
      const own = costs.filter(({ node }) => has(node));
      return {
        parameters: total(learnt.filter(({ name }) => hasParameter(name)).map(({ shape }) => sizeOf(shape))),
        macs: total(own.map(({ macs }) => macs)),
        activationBytes: total(own.map(({ bytesWritten }) => bytesWritten)),
        movedBytes: leavesOf(graph) + bytesOf([...new Set(Object.values(graph))]),
      };
    },
    operators: (): OperatorWork[] => operatorsOf(costs),
  };
}

const total = (figures: readonly number[]): number => figures.reduce((a, b) => a + b, 0);

/** Bytes of inputs and constants. */
function leavesOf(graph: Outputs): number {
  const leaves = nodesInOrder(Object.values(graph)).filter(
    (node) => isOperator(node, inputOperator) || isOperator(node, constantOperator),
  );
  return bytesOf(leaves.flatMap(({ outputs }) => outputs));
}

function operatorsOf(costs: readonly NodeCost[]): OperatorWork[] {
  const kinds = new Map<string, OperatorWork>();
  for (const { node, macs, bytesRead, bytesWritten } of costs) {
    if (bytesRead + bytesWritten === 0) continue; // a leaf or a constant
    const { name } = node.operator;
    const before = kinds.get(name) ?? { name, count: 0, macs: 0, activationBytes: 0 };
    kinds.set(name, {
      name,
      count: before.count + 1,
      macs: before.macs + macs,
      activationBytes: before.activationBytes + bytesWritten,
    });
  }
  return [...kinds.values()].sort((a, b) => b.macs - a.macs || b.activationBytes - a.activationBytes);
}
