import type { DType, Shape, TensorData } from "../../graph/index.js";

/** The element types of our graphs in TensorFlow. TF.js has no bytes, so uint8 tensors are int32 ones. */
export type ElementType = "DT_FLOAT" | "DT_INT32" | "DT_BOOL";

export const ELEMENT_TYPES: Readonly<Record<DType, ElementType>> = {
  float32: "DT_FLOAT",
  int32: "DT_INT32",
  uint8: "DT_INT32",
  bool: "DT_BOOL",
};

/** One attribute of a node, by kind as in TensorFlow's AttrValue. */
export type Attribute =
  | { readonly type: ElementType }
  | { readonly i: number }
  | { readonly b: boolean }
  | { readonly s: string }
  | { readonly f: number }
  | { readonly shape: Shape }
  | { readonly ints: readonly number[] }
  | { readonly strings: readonly string[] };

export type Attributes = Readonly<Record<string, Attribute>>;

/** A node that computes. Inputs are names of tensors: NODE, or NODE:1 for a second output. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly input: readonly string[];
  readonly attributes: Attributes;
}

/** A tensor stored with the graph. */
export interface GraphConstant {
  readonly name: string;
  readonly shape: Shape;
  readonly type: ElementType;
  readonly data: TensorData;
  /** The trained parameter it comes from, if any. */
  readonly parameter?: string;
}

export const FLOAT: Attribute = { type: "DT_FLOAT" };
export const INT: Attribute = { type: "DT_INT32" };

/** Collects the nodes and constants of a TensorFlow graph being written and gives each a unique name. */
export class Emitter {
  readonly nodes: GraphNode[] = [];
  readonly constants: GraphConstant[] = [];
  private readonly taken = new Set<string>();
  private readonly shared = new Map<string, string>();
  private scope = "";

  /** From now on names start with the scope, so that a viewer shows which layer a node belongs to. */
  enter(scope: string): void {
    this.scope = scope;
  }

  /** Adds a node, named after its operator by default, and returns the name of its first output. */
  op(op: string, input: readonly string[], attributes: Attributes = {}, base = op): string {
    const name = this.name(base);
    this.nodes.push({ name, op, input, attributes });
    return name;
  }

  constant(base: string, data: TensorData, shape: Shape, type: ElementType, parameter?: string): string {
    const name = this.name(base);
    this.constants.push({ name, shape, type, data, ...(parameter !== undefined && { parameter }) });
    return name;
  }

  /** A constant int32 vector (or tensor of that shape); equal ones are stored once. */
  ints(values: readonly number[], shape: Shape = [values.length]): string {
    return this.sharedConstant("ints", Int32Array.from(values), shape, "DT_INT32");
  }

  int(value: number): string {
    return this.ints([value], []);
  }

  floats(values: readonly number[], shape: Shape = [values.length]): string {
    return this.sharedConstant("floats", Float32Array.from(values), shape, "DT_FLOAT");
  }

  float(value: number): string {
    return this.floats([value], []);
  }

  /** A unique name: the scope and `base`, in the characters that TensorFlow allows. */
  name(base: string): string {
    const wanted = (this.scope === "" ? base : `${this.scope}/${base}`).replace(/[^A-Za-z0-9_./-]/g, "_");
    const legal = /^[A-Za-z0-9.]/.test(wanted) ? wanted : `x${wanted}`;
    let name = legal;
    for (let i = 1; this.taken.has(name); i++) name = `${legal}_${i + this.taken.size}`;
    this.taken.add(name);
    return name;
  }

  private sharedConstant(base: string, data: TensorData, shape: Shape, type: ElementType): string {
    const key = `${type}[${shape}]${data}`;
    const known = this.shared.get(key);
    if (known !== undefined) return known;
    const { scope } = this;
    this.scope = "constants";
    const name = this.constant(base, data, shape, type);
    this.scope = scope;
    this.shared.set(key, name);
    return name;
  }
}
