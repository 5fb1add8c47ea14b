import { type ConstantAttributes, constantOperator } from "../operators/leaves.js";
import { nodesInOrder } from "../traverse.js";
import { isOperator, type Node, type Value } from "../value.js";
import { mapOutputs, type Outputs, withInputs } from "./rewrite.js";

/** Constants of up to this many bytes are compared by content, larger ones by the memory they are in. */
const SMALL = 256;

/**
 * Computes once what the graph computes several times: nodes with the same operator, equal attributes and the same
 * inputs.
 */
export function commonSubexpressions(outputs: Outputs): Outputs {
  const numbers = new Numbers();
  const first = new Map<string, readonly Value[]>();
  const replaced = new Map<Node, readonly Value[]>();
  const result = ({ node, index }: Value): Value => replaced.get(node)![index]!;
  for (const node of nodesInOrder(Object.values(outputs))) {
    const inputs = node.inputs.map(result);
    const operands = inputs.map((input) => `${numbers.of(input.node)}.${input.index}`);
    const key = `${node.operator.name} ${attributesKey(node, numbers)} ${operands}`;
    const values = first.get(key) ?? withInputs(node, inputs);
    first.set(key, values);
    replaced.set(node, values);
  }
  return mapOutputs(outputs, result);
}

/** Gives each object a number of its own. */
class Numbers {
  private readonly known = new Map<object, number>();

  of(object: object): number {
    const number = this.known.get(object) ?? this.known.size;
    this.known.set(object, number);
    return number;
  }
}

function attributesKey(node: Node, numbers: Numbers): string {
  if (!isOperator(node, constantOperator)) {
    // A graph within an attribute is the same only if its values are the very same.
    return JSON.stringify(node.attributes, (_, part: unknown) => (isValue(part) ? `value ${numbers.of(part)}` : part));
  }
  const { data, shape, dtype, name } = node.attributes as ConstantAttributes;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const content = data.byteLength <= SMALL ? `${bytes}` : `@${numbers.of(data.buffer)}+${data.byteOffset}`;
  return `${dtype}[${shape}] ${name ?? ""} ${content}`;
}

const isValue = (part: unknown): part is Value =>
  typeof part === "object" && part !== null && "node" in part && "index" in part;
