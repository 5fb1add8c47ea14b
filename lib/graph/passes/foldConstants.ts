import { type ConstantAttributes, constant, constantOperator } from "../operators/leaves.js";
import { nodesInOrder } from "../traverse.js";
import { isOperator, type Node, sizeOf, type TensorData, type Value } from "../value.js";
import { constantTest } from "./patterns.js";
import { type Outputs, rewrite } from "./rewrite.js";

/** Computes outputs that depend on no input: an engine runs one small program. */
export type Evaluate = (outputs: Outputs) => Promise<Readonly<Record<string, TensorData>>>;

/** How many numbers are computed at a time. */
const PART_ELEMENTS = 2 ** 23;

export interface FoldOptions {
  /**
   * Whether sizes are not known yet: what depends on them, such as a resized table, is left as it is, with its inputs.
   */
  readonly freeSizes?: boolean;
}

/**
 * Computes whatever only depends on constants and replaces it by the results. A result made from one named parameter
 * (scaled, transposed, …) keeps that parameter's name.
 */
export async function foldConstants(
  outputs: Outputs,
  evaluate: Evaluate,
  { freeSizes = false }: FoldOptions = {},
): Promise<Outputs> {
  const targets = [...largestConstants(outputs, freeSizes)];
  if (targets.length === 0) return outputs;
  const names = namesOf(targets);
  const folded = new Map<Value, Value>();
  for (const part of partsOf(targets)) {
    const results = await evaluate(Object.fromEntries(part.map((value, i) => [`${i}`, value])));
    for (const [i, value] of part.entries()) {
      folded.set(value, constant(results[`${i}`]!, value.shape, value.dtype, names.get(value.node)));
    }
  }
  return rewrite(outputs, (value) => folded.get(value));
}

/** Computed part by part, so that an engine need not hold several copies of all parameters at once. */
function partsOf(targets: readonly Value[]): Value[][] {
  const parts: Value[][] = [];
  let elements = Number.POSITIVE_INFINITY;
  for (const value of targets) {
    if (elements > PART_ELEMENTS) {
      parts.push([]);
      elements = 0;
    }
    parts.at(-1)!.push(value);
    elements += sizeOf(value.shape);
  }
  return parts;
}

const isConstant = (node: Node) => isOperator(node, constantOperator);

/** The constant values that are used by something other than another constant. */
function largestConstants(outputs: Outputs, freeSizes: boolean): Set<Value> {
  const dependsOnConstants = constantTest(outputs);
  const unknown = freeSizes ? behindSizes(outputs) : new Set();
  const found = new Set<Value>();
  const take = (value: Value): void => {
    const { operator, inputs } = value.node;
    if (!dependsOnConstants(value) || isConstant(value.node) || unknown.has(value.node)) return;
    // A large tensor spread from a small one is never stored; the small one is.
    if (operator.kind === "spreading") for (const input of inputs) take(input);
    else found.add(value);
  };
  for (const output of Object.values(outputs)) take(output);
  for (const node of nodesInOrder(Object.values(outputs))) {
    if (!node.outputs.every(dependsOnConstants)) for (const input of node.inputs) take(input);
  }
  return found;
}

/** The nodes whose values follow from sizes, and everything computed from them. */
function behindSizes(outputs: Outputs): Set<Node> {
  const found = new Set<Node>();
  for (const node of nodesInOrder(Object.values(outputs))) {
    if (node.operator.sized === "values" || node.inputs.some((input) => found.has(input.node))) found.add(node);
  }
  return found;
}

/** For each constant node, the name of the first parameter it is made from that has as many elements. */
function namesOf(targets: readonly Value[]): Map<Node, string> {
  const parameters = new Map<Node, readonly ConstantAttributes[]>();
  const names = new Map<Node, string>();
  for (const node of nodesInOrder(targets)) {
    const own = isConstant(node) ? [node.attributes as ConstantAttributes] : [];
    const all = [...new Set([...own, ...node.inputs.flatMap((input) => parameters.get(input.node)!)])];
    parameters.set(
      node,
      all.filter(({ name }) => name !== undefined),
    );
    const size = node.outputs[0]!.shape.reduce((a, b) => a * b, 1);
    const name = parameters.get(node)!.find(({ data }) => data.length === size)?.name;
    if (name !== undefined) names.set(node, name);
  }
  return names;
}
