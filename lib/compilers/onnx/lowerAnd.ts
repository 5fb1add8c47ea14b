import type { AttributesOf, Node } from "../../graph/index.js";
import type { Emitter } from "./emitter.js";
import type { Target } from "./target.js";

/**
 * onnxruntime's WebGPU provider (1.30) uses the shader of one And for another whose operands are broadcast along other
 * axes, so both operands are broadcast to the result's shape first.
 */
export function lowerAnd(
  emit: Emitter,
  inputs: readonly string[],
  node: Node<AttributesOf<"and">>,
  { dialect, sizes }: Target,
): string {
  const { shape } = node.outputs[0]!;
  if (dialect === "onnxruntime" || node.inputs.every((input) => `${input.shape}` === `${shape}`)) {
    return emit.node("And", inputs);
  }
  const size = sizes.vector(emit, node, ({ outputs }) => outputs[0]!.shape);
  return emit.node(
    "And",
    inputs.map((input) => emit.node("Expand", [input, size])),
  );
}
