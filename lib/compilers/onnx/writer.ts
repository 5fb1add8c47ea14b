import { UserError } from "../../errors.js";
import {
  type ConstantAttributes,
  constantOperator,
  GraphError,
  type InputAttributes,
  inputOperator,
  isOperator,
  type Node,
  nodesInOrder,
  type Value,
} from "../../graph/index.js";
import { type RowBlocksAttributes, rowBlocksOperator } from "../cpu/fusion/rowBlocks.js";
import { bytesOf, type Emitter } from "./emitter.js";
import { castTo, loweringOf } from "./lowerings.js";
import { lowerRowBlocks } from "./lowerRowBlocks.js";
import { computesInHalf, toHalf } from "./precision.js";
import type { OnnxNode } from "./proto.js";
import type { Target } from "./target.js";

/** Writes graphs node by node. */
export class Writer {
  readonly inputs = new Map<string, Value>();
  /** The tensor each value is in. */
  private readonly names: Map<Value, string>;
  /** The same for values that are in float16, or in both. */
  private readonly halfNames = new Map<Value, string>();
  /** Values computed in float16. */
  private readonly halves = new Set<Value>();

  constructor(
    private readonly emit: Emitter,
    private readonly target: Target,
    given: ReadonlyMap<Value, string> = new Map(),
  ) {
    this.names = new Map(given);
  }

  /** Writes the graph of the outputs. @returns the nodes, which make tensors of the outputs' names */
  write(outputs: Readonly<Record<string, Value>>): OnnxNode[] {
    const order = nodesInOrder(Object.values(outputs));
    const inputs = order.filter((node) => isOperator(node, inputOperator));
    for (const { attributes } of inputs) this.emit.reserve((attributes as InputAttributes).name);
    for (const name of Object.keys(outputs)) this.emit.reserve(name);
    // Inputs first: a constant spread to their sizes may precede their users.
    for (const node of [...inputs, ...order]) this.add(node);
    return this.nameOutputs(
      Object.entries(outputs).map(([name, value]) => [name, this.tensorOf(value, false)] as const),
    );
  }

  add(node: Node): void {
    const [first] = node.outputs as [Value];
    if (this.names.has(first) || this.halfNames.has(first) || isOperator(node, constantOperator)) return;
    this.emit.enter(node.scope);
    const half = this.target.half && computesInHalf(node, (value) => this.halves.has(value));
    const written = this.writeNode(node, half);
    for (const [i, output] of node.outputs.entries()) {
      const isHalf = half && output.dtype === "float32";
      (isHalf ? this.halfNames : this.names).set(output, written[i]!);
      if (isHalf) this.halves.add(output);
      this.target.sizes.register(output, written[i]!);
    }
  }

  /** The tensor of a value, as float16 or in its own type; cast, or written, when it is first requested. */
  private tensorOf(value: Value, asHalf: boolean): string {
    const half = asHalf && value.dtype === "float32";
    const [own, other] = half ? [this.halfNames, this.names] : [this.names, this.halfNames];
    const known = own.get(value);
    if (known !== undefined) return known;
    const made = isOperator(value.node, constantOperator)
      ? this.constant(value.node.attributes as ConstantAttributes, half)
      : castTo(this.emit, other.get(value)!, half ? "float16" : "float32");
    own.set(value, made);
    return made;
  }

  /**
   * Gives the outputs their names by renaming their tensors; an Identity is added if a tensor is an input, a constant
   * or two outputs at once.
   */
  private nameOutputs(outputs: readonly (readonly [name: string, tensor: string])[]): OnnxNode[] {
    const renamed = new Map<string, string>();
    const made = new Set(this.emit.nodes.flatMap((node) => node.output));
    const copies: OnnxNode[] = [];
    for (const [name, source] of outputs) {
      if (made.has(source) && !renamed.has(source)) renamed.set(source, name);
      else {
        const node = `output/${name}`;
        copies.push({ opType: "Identity", domain: "", name: node, input: [source], output: [name], attribute: [] });
      }
    }
    return [...this.emit.nodes, ...copies].map((node) => withNames(node, renamed));
  }

  private writeNode(node: Node, half: boolean): readonly string[] {
    if (isOperator(node, inputOperator)) return [this.input(node.outputs[0]!, node.attributes as InputAttributes)];
    const inputs = node.inputs.map((value) => this.tensorOf(value, half));
    if (isOperator(node, rowBlocksOperator)) {
      return lowerRowBlocks(this.emit, inputs, node as Node<RowBlocksAttributes>, (body, given, results) => {
        const writer = new Writer(body, this.target, given);
        for (const inner of nodesInOrder(results)) writer.add(inner);
        return results.map((value) => writer.tensorOf(value, false));
      });
    }
    const names = loweringOf(node.operator.name)?.(this.emit, inputs, node, this.target);
    if (names !== undefined) return typeof names === "string" ? [names] : names;
    const parts = node.operator.decompose?.(node);
    if (parts === undefined) throw new GraphError(`no ONNX form of the operator ${node.operator.name}`);
    for (const inner of nodesInOrder(parts)) this.add(inner);
    return parts.map((part) => this.tensorOf(part, half));
  }

  private input(value: Value, { name, shape, dtype }: InputAttributes): string {
    const known = this.inputs.get(name);
    if (known !== undefined && (known.dtype !== dtype || `${known.shape}` !== `${shape}`)) {
      throw new GraphError(`two inputs named ${name}: ${known.dtype}[${known.shape}] and ${dtype}[${shape}]`);
    }
    this.inputs.set(name, value);
    return name;
  }

  private constant({ data, shape, dtype, name = "constant" }: ConstantAttributes, half: boolean): string {
    if (!half) return this.emit.tensor(name, dtype, shape, bytesOf(data));
    const bits = toHalf(data as Float32Array);
    if (bits === undefined) {
      throw new UserError(`${name}: holds numbers beyond ±65504, float16's largest; export without float16`);
    }
    return this.emit.tensor(name, "float16", shape, bytesOf(bits));
  }
}

/** The node with tensors renamed, in the graphs inside it too. */
function withNames(node: OnnxNode, names: ReadonlyMap<string, string>): OnnxNode {
  const rename = (tensors: readonly string[]) => tensors.map((tensor) => names.get(tensor) ?? tensor);
  const attribute = node.attribute.map((attribute) =>
    attribute.type === 5
      ? { ...attribute, g: { ...attribute.g, node: attribute.g.node.map((inner) => withNames(inner, names)) } }
      : attribute,
  );
  return { ...node, input: rename(node.input), output: rename(node.output), attribute };
}
