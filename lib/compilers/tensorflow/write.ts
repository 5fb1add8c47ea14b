import {
  type ConstantAttributes,
  constantOperator,
  GraphError,
  type InputAttributes,
  inputOperator,
  isOperator,
  type Node,
  nodesInOrder,
  reshapeOperator,
  type Shape,
  type TensorData,
  type TensorType,
  transposeOperator,
  type Value,
} from "../../graph/index.js";
import { ELEMENT_TYPES, Emitter, type GraphConstant, type GraphNode } from "./emitter.js";
import { fuseActivations } from "./fuse.js";
import { loweringOf } from "./lowerings.js";
import {
  identityOrder,
  isIdentity,
  type Order,
  permutation,
  rearrange,
  sameOrder,
  sameSequence,
  stored,
} from "./order.js";
import { type Dialect, type Operand, storedDims, type Tensor, typeOf } from "./site.js";

/** A TensorFlow graph, before it becomes a file. */
export interface TensorFlowGraph {
  /** In an order in which they can be computed. */
  readonly nodes: readonly GraphNode[];
  readonly constants: readonly GraphConstant[];
  /** By name, the type and the node; uint8 tensors are int32 in the graph. */
  readonly inputs: Readonly<Record<string, SignatureTensor>>;
  readonly outputs: Readonly<Record<string, SignatureTensor>>;
  /** Whether TF.js must run it asynchronously (`executeAsync`), as it must if it uses non-maximum suppression. */
  readonly asynchronous: boolean;
}

export interface SignatureTensor extends TensorType {
  readonly node: string;
}

/** Writes the graph of the named outputs; the graph's inputs become placeholders with their names. */
export function tensorFlowGraph(outputs: Readonly<Record<string, Value>>, dialect: Dialect): TensorFlowGraph {
  const writer = new Writer(new Emitter(), dialect);
  const order = nodesInOrder(Object.values(outputs));
  // Inputs first, so that they get the names they have.
  for (const node of order) if (isOperator(node, inputOperator)) writer.add(node);
  for (const node of order) writer.add(node);
  return writer.finish(outputs);
}

/** A constant of the graph, its elements in the order of its axes. */
interface Known {
  readonly data: TensorData;
  readonly shape: Shape;
  readonly name: string | undefined;
}

class Writer {
  private readonly inputs = new Map<string, SignatureTensor>();
  /** Every value's tensors: the one its lowering gave, then those in other orders. */
  private readonly tensors = new Map<Value, Tensor[]>();
  private readonly known = new Map<Value, Known>();

  constructor(
    private readonly emit: Emitter,
    private readonly dialect: Dialect,
  ) {}

  add(node: Node): void {
    const [first] = node.outputs;
    if (this.tensors.has(first!) || this.known.has(first!)) return;
    this.emit.enter(node.scope);
    if (isOperator(node, inputOperator)) this.addInput(first!, node.attributes as InputAttributes);
    else if (isOperator(node, constantOperator)) {
      const { data, shape, name: parameter } = node.attributes as ConstantAttributes;
      this.known.set(first!, { data, shape, name: parameter });
    } else if (!this.foldShape(node)) this.lower(node);
  }

  finish(outputs: Readonly<Record<string, Value>>): TensorFlowGraph {
    const { emit } = this;
    emit.enter("");
    const signature = Object.entries(outputs).map(([name, value]) => {
      const { shape, dtype } = value;
      const operand = this.operand(value);
      if (operand.ragged) throw new GraphError(`the output ${name} is truncated and was not restored`);
      const source = operand.as(identityOrder(shape.length));
      const node = emit.op("Identity", [source], { T: typeOf(dtype) }, name);
      return [name, { shape, dtype, node }] as const;
    });
    const nodes = this.dialect === "tfjs" ? fuseActivations(emit.nodes) : emit.nodes;
    return {
      nodes,
      constants: emit.constants,
      inputs: Object.fromEntries(this.inputs),
      outputs: Object.fromEntries(signature),
      asynchronous: nodes.some(({ op }) => op.startsWith("NonMaxSuppression")),
    };
  }

  private lower(node: Node): void {
    const operands = node.inputs.map((value) => this.operand(value));
    const { emit, dialect } = this;
    const { outputs, attributes } = node;
    const given = loweringOf(node.operator.name, dialect)?.({ emit, operands, outputs, attributes, dialect });
    if (given !== undefined) {
      const ragged = operands.some((operand) => operand.ragged);
      const all: readonly Tensor[] = Array.isArray(given) ? given : [given as Tensor];
      node.outputs.forEach((output, i) => {
        this.tensors.set(output, [{ ragged, ...all[i]! }]);
      });
      return;
    }
    const parts = node.operator.decompose?.(node);
    if (parts === undefined) throw new GraphError(`no TensorFlow form of the operator ${node.operator.name}`);
    for (const inner of nodesInOrder(parts)) this.add(inner);
    node.outputs.forEach((output, i) => {
      this.copy(parts[i]!, output);
    });
  }

  private copy(from: Value, to: Value): void {
    const known = this.known.get(from);
    if (known !== undefined) this.known.set(to, known);
    else this.tensors.set(to, this.tensors.get(from)!);
  }

  private addInput(value: Value, { name, shape, dtype }: InputAttributes): void {
    const known = this.inputs.get(name);
    if (known !== undefined && (known.dtype !== dtype || `${known.shape}` !== `${shape}`)) {
      throw new GraphError(`two inputs named ${name}: ${known.dtype}[${known.shape}] and ${dtype}[${shape}]`);
    }
    const node = known?.node ?? this.placeholder(name, { shape, dtype });
    this.inputs.set(name, { shape, dtype, node });
    this.tensors.set(value, [{ name: node, order: identityOrder(shape.length) }]);
  }

  private placeholder(name: string, { shape, dtype }: TensorType): string {
    this.emit.enter("");
    return this.emit.op("Placeholder", [], { dtype: typeOf(dtype), shape: { shape } }, name);
  }

  /** Constants that are only reshaped or transposed are stored in their final form. */
  private foldShape(node: Node): boolean {
    const {
      inputs: [x],
      outputs: [y],
    } = node;
    const known = x === undefined ? undefined : this.known.get(x);
    if (known === undefined) return false;
    if (isOperator(node, reshapeOperator)) this.known.set(y!, { ...known, shape: y!.shape });
    else if (isOperator(node, transposeOperator)) {
      const { order } = node.attributes as { readonly order: readonly number[] };
      this.known.set(y!, { ...known, data: rearrange(known.data, known.shape, order), shape: y!.shape });
    } else return false;
    return true;
  }

  private operand(value: Value): Operand {
    const { shape, dtype } = value;
    const known = this.known.get(value);
    if (known !== undefined) {
      const order = identityOrder(shape.length);
      const as = (wanted: Order, reshaped?: Shape) => this.constant(value, known, wanted, reshaped);
      return { shape, dtype, order, ragged: false, constant: known.data, as };
    }
    const [{ order, ragged = false }] = this.tensors.get(value) as [Tensor];
    const as = (wanted: Order, reshaped?: Shape) => {
      const { name } = this.inOrder(value, wanted);
      const dims = storedDims({ shape, ragged }, wanted);
      if (reshaped === undefined || sameOrder(reshaped, dims)) return name;
      return this.emit.op("Reshape", [name, this.emit.ints(reshaped)], { T: typeOf(dtype) });
    };
    return { shape, dtype, order, ragged, as };
  }

  private inOrder(value: Value, wanted: Order): Tensor {
    const all = this.tensors.get(value)!;
    const found = all.find(({ order }) => sameOrder(order, wanted));
    if (found !== undefined) return found;
    const { shape, dtype } = value;
    const { name, order, ragged = false } = all[0]!;
    const T = typeOf(dtype);
    const moved = sameSequence(shape, order, wanted)
      ? this.emit.op("Reshape", [name, this.emit.ints(storedDims({ shape, ragged }, wanted))], { T })
      : this.emit.op("Transpose", [name, this.emit.ints(permutation(order, wanted))], { T });
    const tensor = { name: moved, order: wanted, ragged };
    all.push(tensor);
    return tensor;
  }

  private readonly stored = new Map<string, string>();
  private readonly numbers = new Map<TensorData, number>();

  /** The stored tensor of a constant in an order and shape; written once. */
  private constant({ dtype }: Value, { data, shape, name }: Known, order: Order, reshaped?: Shape): string {
    const dims = reshaped === undefined ? stored(shape, order) : resolved(reshaped, data.length);
    const number = this.numbers.get(data) ?? this.numbers.size;
    this.numbers.set(data, number);
    const moved = sameSequence(shape, order, identityOrder(shape.length)) ? [] : order;
    const key = `${number} ${moved} [${shape}] [${dims}]`;
    const known = this.stored.get(key);
    if (known !== undefined) return known;
    const elements = moved.length === 0 || isIdentity(order) ? data : rearrange(data, shape, order);
    const type = ELEMENT_TYPES[dtype];
    const asStored = dtype === "uint8" ? Int32Array.from(elements) : elements;
    const made = this.emit.constant(name ?? "constant", asStored, dims, type, name);
    this.stored.set(key, made);
    return made;
  }
}

/** A shape with its −1, if any, replaced by the remaining size. */
function resolved(dims: Shape, size: number): Shape {
  const rest = dims.reduce((product, n) => (n === -1 ? product : product * n), 1);
  return dims.map((n) => (n === -1 ? size / rest : n));
}
