import type { Node, Value } from "../../graph/index.js";
import { commonSubexpressions } from "../../graph/passes/commonSubexpressions.js";
import { type Outputs, rewrite } from "../../graph/passes/rewrite.js";
import { simplify } from "../../graph/passes/simplify.js";
import { loweringOf } from "./lowerings.js";

/** Decomposes operators without an ONNX form into ones that have one. */
export function expand(outputs: Outputs): Outputs {
  const parts = new Map<Node, readonly Value[]>();
  const takeApart = ({ node, index }: Value): Value | undefined => {
    if (loweringOf(node.operator.name) !== undefined) return undefined;
    const known = parts.get(node) ?? node.operator.decompose?.(node);
    if (known !== undefined) parts.set(node, known);
    return known?.[index];
  };
  return commonSubexpressions(simplify(rewrite(outputs, takeApart)));
}
