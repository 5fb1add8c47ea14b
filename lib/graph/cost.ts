import { reshapeOperator } from "./operators/broadcasting.js";
import { type ConstantAttributes, constantOperator, type InputAttributes, inputOperator } from "./operators/leaves.js";
import { constantTest } from "./passes/patterns.js";
import { nodesInOrder } from "./traverse.js";
import { isOperator, type Node, sizeOf, type TensorType, type Value } from "./value.js";

/** The cost of running a graph once. */
export interface Cost {
  /** Multiply-adds of convolutions and matrix products. */
  readonly macs: number;
  readonly parameters: number;
  /** Bytes of the operators' inputs and outputs, as if none were fused with another. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

export interface NodeCost extends Cost {
  readonly node: Node;
}

export interface CostOptions {
  /**
   * Whether a named constant, or an input with that name, is a parameter; by default all named constants are and no
   * inputs.
   */
  readonly isParameter?: (name: string) => boolean;
}

const BYTES: Readonly<Record<TensorType["dtype"], number>> = { float32: 4, int32: 4, uint8: 1, bool: 1 };

export const bytesOf = (values: readonly Value[]) =>
  values.reduce((total, { shape, dtype }) => total + sizeOf(shape) * BYTES[dtype], 0);

/**
 * The cost of every node that runs each time: what only depends on constants is computed once and is left out, except
 * for its parameters.
 */
export function nodeCosts(outputs: Readonly<Record<string, Value>>, options: CostOptions = {}): NodeCost[] {
  const computedOnce = constantTest(outputs);
  return nodesInOrder(Object.values(outputs)).map((node) => {
    const parameters = parametersOf(node, options);
    const idle = node.inputs.length === 0 || node.outputs.every(computedOnce);
    if (idle) return { node, macs: 0, parameters, bytesRead: 0, bytesWritten: 0 };
    const macs = node.operator.macs?.(node) ?? 0;
    // A reshape gives the same memory another shape.
    if (isOperator(node, reshapeOperator)) return { node, macs, parameters, bytesRead: 0, bytesWritten: 0 };
    return { node, macs, parameters, bytesRead: bytesOf(node.inputs), bytesWritten: bytesOf(node.outputs) };
  });
}

function parametersOf(node: Node, { isParameter }: CostOptions): number {
  const size = sizeOf(node.outputs[0]!.shape);
  if (isOperator(node, constantOperator)) {
    const { name } = node.attributes as ConstantAttributes;
    return name !== undefined && (isParameter?.(name) ?? true) ? size : 0;
  }
  if (!isOperator(node, inputOperator)) return 0;
  return isParameter?.((node.attributes as InputAttributes).name) ? size : 0;
}

/**
 * The largest number of bytes of activations needed at one time, if nodes run in the order of the graph and memory is
 * released after its last use. Constants are left out; a reshape shares its operand's memory.
 */
export function mostLiveBytes(outputs: Readonly<Record<string, Value>>): number {
  const computedOnce = constantTest(outputs);
  const nodes = nodesInOrder(Object.values(outputs)).filter((node) => !node.outputs.every(computedOnce));
  const owners = new Map<Value, Value>();
  const ownerOf = (value: Value): Value => owners.get(value) ?? value;
  const lastUse = new Map<Value, number>();
  for (const [i, node] of nodes.entries()) {
    if (isOperator(node, reshapeOperator)) owners.set(node.outputs[0]!, ownerOf(node.inputs[0]!));
    for (const value of [...node.inputs, ...node.outputs]) lastUse.set(ownerOf(value), i);
  }
  for (const value of Object.values(outputs)) lastUse.set(ownerOf(value), nodes.length);
  let [live, most] = [0, 0];
  for (const [i, node] of nodes.entries()) {
    live += bytesOf(node.outputs.filter((value) => ownerOf(value) === value));
    most = Math.max(most, live);
    const touched = new Set([...node.inputs, ...node.outputs].map(ownerOf));
    live -= bytesOf([...touched].filter((value) => lastUse.get(value) === i && !computedOnce(value)));
  }
  return most;
}

const NOTHING: Cost = { macs: 0, parameters: 0, bytesRead: 0, bytesWritten: 0 };

const plus = (a: Cost, b: Cost): Cost => ({
  macs: a.macs + b.macs,
  parameters: a.parameters + b.parameters,
  bytesRead: a.bytesRead + b.bytesRead,
  bytesWritten: a.bytesWritten + b.bytesWritten,
});

export function totalCost(outputs: Readonly<Record<string, Value>>, options: CostOptions = {}): Cost {
  return nodeCosts(outputs, options).reduce<Cost>(plus, NOTHING);
}
