import type { OnnxOperator, OnnxRuntimeOperator } from "./opsets.js";
import {
  ELEMENT_TYPES,
  type OnnxAttribute,
  type OnnxElementType,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
} from "./proto.js";

export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly graph: OnnxGraph };

export interface EmitOptions {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly domain?: string;
}

type WrittenOperator = OnnxOperator | OnnxRuntimeOperator;

/** Collects the nodes and initialisers of a model being written and gives every tensor a unique name. */
export class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  private readonly shared = new Map<string, string>();
  private scope = "";

  constructor(
    readonly domains = new Set<string>(),
    private readonly taken = new Set<string>(),
  ) {}

  /** For a graph inside a node of this one: its names differ from all names here. */
  body(): Emitter {
    const body = new Emitter(this.domains, this.taken);
    body.enter(this.scope);
    return body;
  }

  /** From now on names start with the scope, so that a viewer shows which layer a node belongs to. */
  enter(scope: string): void {
    this.scope = scope;
  }

  /** Adds a node with `outputs` outputs and returns their names. */
  nodeWith(outputs: number, opType: WrittenOperator, input: readonly string[], options: EmitOptions = {}): string[] {
    const { attributes = {}, domain = "" } = options;
    const name = this.name(opType);
    const output = Array.from({ length: outputs }, (_, i) => (i === 0 ? `${name}:out` : `${name}:out${i}`));
    const attribute = Object.entries(attributes).map(([key, value]) => encodeAttribute(key, value));
    if (domain !== "") this.domains.add(domain);
    this.nodes.push({ opType, domain, name, input, output, attribute });
    return output;
  }

  /** Adds a node with one output and returns its name. */
  node(opType: WrittenOperator, input: readonly string[], options: EmitOptions = {}): string {
    return this.nodeWith(1, opType, input, options)[0]!;
  }

  /** A constant int64 tensor; equal small ones are stored once. */
  int64(values: readonly number[], shape: readonly number[] = [values.length]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.sharedTensor(`int64[${shape}]${values}`, "int64", shape, bytesOf(data));
  }

  float(value: number): string {
    return this.sharedTensor(`float ${value}`, "float32", [], bytesOf(Float32Array.of(value)));
  }

  floats(values: readonly number[]): string {
    return this.sharedTensor(`floats ${values}`, "float32", [values.length], bytesOf(Float32Array.from(values)));
  }

  bool(value: boolean): string {
    return this.sharedTensor(`bool ${value}`, "bool", [], Uint8Array.of(value ? 1 : 0));
  }

  tensor(name: string, type: OnnxElementType, shape: readonly number[], rawData: Uint8Array): string {
    const unique = this.unique(name);
    this.initializers.push({ name: unique, dims: shape, dataType: ELEMENT_TYPES[type], rawData });
    return unique;
  }

  /** A unique name, made of the scope and `base`. */
  name(base: string): string {
    return this.unique(this.scope === "" ? base : `${this.scope}/${base}`);
  }

  /** Keeps `name` from being given to a tensor. */
  reserve(name: string): void {
    this.taken.add(name);
  }

  private sharedTensor(key: string, type: OnnxElementType, shape: readonly number[], rawData: Uint8Array): string {
    const known = this.shared.get(key);
    if (known !== undefined) return known;
    const name = this.tensor(type, type, shape, rawData);
    this.shared.set(key, name);
    return name;
  }

  private unique(base: string): string {
    let name = base;
    for (let i = 1; this.taken.has(name); i++) name = `${base}_${i + this.taken.size}`;
    this.taken.add(name);
    return name;
  }
}

export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function encodeAttribute(name: string, value: AttributeValue): OnnxAttribute {
  if (typeof value === "number") return { name, type: 2, i: value };
  if (typeof value === "string") return { name, type: 3, s: new TextEncoder().encode(value) };
  if ("graph" in value) return { name, type: 5, g: value.graph };
  if ("float" in value) return { name, type: 1, f: value.float };
  return { name, type: 7, ints: value };
}
