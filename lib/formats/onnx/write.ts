import {
  type ConstantAttributes,
  constantOperator,
  GraphError,
  type InputAttributes,
  inputOperator,
  type Node,
  nodesInOrder,
  type OperatorName,
  type TensorType,
  type Value,
} from "../../graph/index.js";
import { bytesOf, Emitter } from "./emitter.js";
import { type FuseOptions, fuse } from "./fusion/fuse.js";
import { type RowBlocksAttributes, rowBlocksOperator } from "./fusion/rowBlocks.js";
import { type Dialect, type Lowering, lowerings } from "./lowerings.js";
import { lowerRowBlocks } from "./lowerRowBlocks.js";
import { encodeModel, type OnnxNode, type OnnxValueInfo, valueInfo } from "./proto.js";

/** Opset 20 is the first with GELU. */
export const OPSET = 20;
const IR_VERSION = 9;

export interface OnnxFile {
  readonly bytes: Uint8Array;
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
}

export interface WriteOptions {
  readonly dialect: Dialect;
  /**
   * Compute element-by-element operators block by block in one go (`Scan`), so that what they hand to each other stays
   * in the caches. For onnxruntime; standard operators all the same.
   */
  readonly fuse?: FuseOptions | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Writes the graph behind the named outputs as an ONNX model; the graph's inputs become the model's inputs. */
export function writeOnnx(graph: Readonly<Record<string, Value>>, options: WriteOptions): OnnxFile {
  const outputs = options.fuse === undefined ? graph : fuse(graph, options.fuse);
  const emit = new Emitter();
  const writer = new Writer(emit, options.dialect);
  const order = nodesInOrder(Object.values(outputs));
  for (const node of order) {
    if (isOperator(node, inputOperator)) emit.reserve((node.attributes as InputAttributes).name);
  }
  for (const name of Object.keys(outputs)) emit.reserve(name);
  for (const node of order) writer.add(node);

  const named = Object.entries(outputs);
  const nodes = writer.nameOutputs(named);
  const bytes = encodeModel({
    irVersion: IR_VERSION,
    producerName: "densekit",
    opsetImport: [{ domain: "", version: OPSET }, ...[...emit.domains].map((domain) => ({ domain, version: 1 }))],
    graph: {
      name: "densekit",
      node: nodes,
      initializer: emit.initializers,
      input: [...writer.inputs].map(([name, type]) => info(name, type)),
      output: named.map(([name, value]) => info(name, value)),
    },
    metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) => ({ key, value })),
  });
  return {
    bytes,
    inputs: Object.fromEntries(writer.inputs),
    outputs: Object.fromEntries(named.map(([name, { shape, dtype }]) => [name, { shape, dtype }])),
  };
}

function info(name: string, { shape, dtype }: TensorType): OnnxValueInfo {
  return valueInfo(name, dtype, shape);
}

const isOperator = (node: Node, operator: { readonly name: string }) => node.operator.name === operator.name;

class Writer {
  readonly inputs = new Map<string, TensorType>();
  private readonly names: Map<Value, string>;

  constructor(
    private readonly emit: Emitter,
    private readonly dialect: Dialect,
    given: ReadonlyMap<Value, string> = new Map(),
  ) {
    this.names = new Map(given);
  }

  add(node: Node): void {
    if (this.names.has(node.outputs[0]!)) return;
    this.emit.enter(node.scope);
    const written = this.write(node);
    node.outputs.forEach((output, i) => {
      this.names.set(output, written[i]!);
    });
  }

  /**
   * Gives the outputs their names by renaming the tensors that hold them; an Identity stands in where a tensor is an
   * input, a constant or two outputs at once.
   */
  nameOutputs(outputs: readonly (readonly [name: string, value: Value])[]): OnnxNode[] {
    const renamed = new Map<string, string>();
    const made = new Set(this.emit.nodes.flatMap((node) => node.output));
    const copies: OnnxNode[] = [];
    for (const [name, value] of outputs) {
      const source = this.names.get(value)!;
      if (made.has(source) && !renamed.has(source)) renamed.set(source, name);
      else
        copies.push({
          opType: "Identity",
          domain: "",
          name: `output/${name}`,
          input: [source],
          output: [name],
          attribute: [],
        });
    }
    return [...this.emit.nodes, ...copies].map((node) => withNames(node, renamed));
  }

  private write(node: Node): readonly string[] {
    if (isOperator(node, inputOperator)) return [this.input(node.attributes as InputAttributes)];
    if (isOperator(node, constantOperator)) return [this.constant(node.attributes as ConstantAttributes)];
    const inputs = node.inputs.map((value) => this.names.get(value)!);
    if (isOperator(node, rowBlocksOperator)) {
      return lowerRowBlocks(this.emit, inputs, node as Node<RowBlocksAttributes>, (body, given, results) => {
        const writer = new Writer(body, this.dialect, given);
        for (const inner of nodesInOrder(results)) writer.add(inner);
        return results.map((value) => writer.names.get(value)!);
      });
    }
    // The table pairs each operator's name with a lowering for its own attributes; that tie is lost in this look-up.
    const lower = lowerings[node.operator.name as OperatorName] as Lowering<unknown> | undefined;
    if (lower !== undefined) {
      const names = lower(this.emit, inputs, node, this.dialect);
      return typeof names === "string" ? [names] : names;
    }
    const parts = node.operator.decompose?.(node);
    if (parts === undefined) throw new GraphError(`no ONNX form of the operator ${node.operator.name}`);
    for (const inner of nodesInOrder(parts)) this.add(inner);
    return parts.map((part) => this.names.get(part)!);
  }

  private input({ name, shape, dtype }: InputAttributes): string {
    const known = this.inputs.get(name);
    if (known !== undefined && (known.dtype !== dtype || `${known.shape}` !== `${shape}`)) {
      throw new GraphError(`two inputs named ${name}: ${known.dtype}[${known.shape}] and ${dtype}[${shape}]`);
    }
    this.inputs.set(name, { shape, dtype });
    return name;
  }

  private constant({ data, shape, dtype, name }: ConstantAttributes): string {
    return this.emit.tensor(name ?? "constant", dtype, shape, bytesOf(data));
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
