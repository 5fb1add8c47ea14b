/**
 * The element types of graphs. Indices and labels are int32; for a runtime that needs int64, they are cast at its
 * boundary.
 */
export type DType = "float32" | "int32" | "uint8" | "bool";

/** Sizes of the axes, outermost first; [] for a single number. */
export type Shape = readonly number[];

/** What is known of a tensor before anything runs. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** The elements of a tensor in row-major order; bool and uint8 share Uint8Array. */
export type TensorData = Float32Array | Int32Array | Uint8Array;

/**
 * One tensor in a graph: what it is (static shape, dtype) and the node that makes it. Values are immutable and carry
 * no data; calling an operator function on them records a node, nothing is computed.
 */
export interface Value extends TensorType {
  readonly node: Node;
  /** The index of this output among the node's. */
  readonly index: number;
}

/** An operator applied to values. */
export interface Node<Attributes = unknown> {
  readonly operator: Operator<Attributes>;
  readonly attributes: Attributes;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** The module path it was recorded in, such as `backbone.network.0.1`; for costs, names and error messages. */
  readonly scope: string;
}

/** What passes and compilers may know about an operator; a trait that is not given does not hold. */
export interface Traits {
  /**
   * `elementwise`: an element of the result depends only on the operands' elements at its position, where one of a
   * broadcast operand serves several positions. `spreading`: the result holds the operand's elements, each several
   * times.
   */
  readonly kind?: "elementwise" | "spreading";
  /**
   * Its precision in a float16 model: a `product` with weights computes in float16; one that `follows` does so if its
   * operands are float16, because it is exact or no less exact than the products around it. Others stay in float32:
   * norms, softmax, pixel coordinates, scores.
   */
  readonly half?: "product" | "follows";
  /**
   * Where its result should be computed again rather than kept: `inBlock`, within a block of rows in the processor's
   * cache, where reading it from memory would cost more; `inStep`, between the halves of a training step, because it
   * costs little more than a pass over memory.
   */
  readonly cheap?: "inBlock" | "inStep" | "everywhere";
  /**
   * Attributes are sizes, which may be free in an exported file: only the result's `shape` depends on them, or its
   * `values` too, which then cannot be computed before the sizes are known.
   */
  readonly sized?: "shape" | "values";
}

/** Everything densekit knows about one operator: its shape rule, its gradient, its cost, its expansion, its traits. */
export interface Operator<Attributes> extends Traits {
  readonly name: string;

  /** The output types. Throws a `GraphError` that says which operand is wrong. */
  readonly infer: (inputs: readonly TensorType[], attributes: Attributes) => readonly TensorType[];

  /**
   * The gradient of the loss with respect to each input, written in other operators; undefined where it is zero.
   * `gradients` holds the loss's gradient with respect to each output, undefined where an output is not used.
   * An operator without this function passes no gradient to any input.
   */
  readonly gradient?: (
    node: Node<Attributes>,
    gradients: readonly (Value | undefined)[],
  ) => readonly (Value | undefined)[];

  /** Multiply-adds, for convolutions and matrix products; other operators count as none, as is usual in the field. */
  readonly macs?: (node: Node<Attributes>) => number;

  /** The same outputs in simpler operators, for engines that have no kernel of that name. */
  readonly decompose?: (node: Node<Attributes>) => readonly Value[];
}

/** Whether a node is one of this operator. */
export function isOperator({ operator }: Pick<Node, "operator">, { name }: { readonly name: string }): boolean {
  return operator.name === name;
}

/** A mistake in building a graph, always a programming error: shapes that do not fit, a wrong attribute. */
export class GraphError extends Error {
  override readonly name = "GraphError";
}

const scopes: string[] = [];

/** Runs `build` with `path`, a whole path, as the scope that recorded nodes carry. */
export function inScope<T>(path: string, build: () => T): T {
  scopes.push(path);
  try {
    return build();
  } finally {
    scopes.pop();
  }
}

/** Records a node and returns its outputs. */
export function record<Attributes>(
  operator: Operator<Attributes>,
  inputs: readonly Value[],
  attributes: Attributes,
  scope: string = scopes.at(-1) ?? "",
): readonly Value[] {
  let types: readonly TensorType[];
  try {
    types = operator.infer(inputs, attributes);
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    const operands = inputs.map((x) => `${x.dtype}[${x.shape}]`).join(", ");
    throw new GraphError(`${operator.name}(${operands})${scope === "" ? "" : ` in ${scope}`}: ${error.message}`);
  }
  const outputs: Value[] = [];
  const node: Node<Attributes> = { operator, attributes, inputs, outputs, scope };
  types.forEach((type, index) => {
    outputs.push({ shape: type.shape, dtype: type.dtype, node: node as Node, index });
  });
  return outputs;
}

/** Records a node with one output. */
export function apply<Attributes>(operator: Operator<Attributes>, inputs: readonly Value[], attributes: Attributes) {
  return record(operator, inputs, attributes)[0]!;
}

/** The number of elements. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Throws a GraphError with the message where the condition does not hold. */
export function check(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new GraphError(message());
}

/** A negative axis counts from the end. */
export function normaliseAxis(axis: number, rank: number): number {
  const result = axis < 0 ? axis + rank : axis;
  check(Number.isInteger(result) && result >= 0 && result < rank, () => `axis ${axis} of a tensor of rank ${rank}`);
  return result;
}

/** Whether two shapes have the same axes. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}
