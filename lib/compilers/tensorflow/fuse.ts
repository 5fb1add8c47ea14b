import type { GraphNode } from "./emitter.js";

const FUSED = new Set(["_FusedConv2D", "FusedDepthwiseConv2dNative"]);

/** A ReLU that is the only use of a convolution becomes part of it: TF.js then computes it in the same kernel. */
export function fuseActivations(nodes: readonly GraphNode[]): readonly GraphNode[] {
  const uses = new Map<string, number>();
  for (const { input } of nodes) for (const name of input) uses.set(name, (uses.get(name) ?? 0) + 1);
  const convolutions = new Map(nodes.filter(({ op }) => FUSED.has(op)).map((node) => [node.name, node]));
  const result: GraphNode[] = [];
  const gone = new Set<string>();
  for (const node of nodes) {
    const convolution = node.op === "Relu" ? convolutions.get(node.input[0]!) : undefined;
    if (convolution === undefined || uses.get(convolution.name) !== 1) {
      result.push(node);
      continue;
    }
    gone.add(convolution.name);
    const attributes = { ...convolution.attributes, fused_ops: { strings: ["BiasAdd", "Relu"] } };
    result.push({ ...convolution, name: node.name, attributes });
  }
  return result.filter(({ name }) => !gone.has(name));
}
