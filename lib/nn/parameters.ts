import { GraphError, type Shape, sizeOf } from "../graph/index.js";
import type { Random } from "../random.js";
import type { Initialiser } from "./initialisers.js";

/**
 * What a parameter does, which decides how it is trained: weights decay; norms, biases, layer scales and embeddings (of
 * positions, of a class) do not; alphas (how much each of several choices counts) have an optimiser of their own; buffers
 * (running statistics) are not trained by an optimiser at all.
 */
export type ParameterRole = "weight" | "bias" | "norm" | "layerScale" | "embedding" | "alpha" | "buffer";

/** A tensor that is trained, or a batch norm's running statistics: what it is called and how it begins. */
export interface Parameter {
  /** The full name, equal to the official checkpoints', such as `backbone.network.0.1.mlp.fc1.weight`. */
  readonly name: string;
  readonly shape: Shape;
  readonly role: ParameterRole;
  readonly initialise: Initialiser;
  /** Whether it belongs to a layer that computes the model's outputs: adaptive clipping skips those. Default false. */
  readonly isOutput?: boolean;
}

/**
 * Whether a parameter belongs to a part: "backbone.network.1" is within "backbone.network", but not within
 * "backbone.net".
 */
export const isWithin = (name: string, part: string): boolean => name === part || name.startsWith(`${part}.`);

/** The parameters of a model, in the order its layers were made. */
export class ParameterList {
  private readonly byName = new Map<string, Parameter>();

  add(parameter: Parameter): Parameter {
    if (this.byName.has(parameter.name)) throw new GraphError(`two parameters named ${parameter.name}`);
    this.byName.set(parameter.name, parameter);
    return parameter;
  }

  get all(): readonly Parameter[] {
    return [...this.byName.values()];
  }

  get(name: string): Parameter | undefined {
    return this.byName.get(name);
  }

  scope(path = ""): ParameterScope {
    return new ParameterScope(this, path);
  }
}

/** A place in the tree of layers: parameters made here get its path as a prefix of their names. */
export class ParameterScope {
  constructor(
    private readonly list: ParameterList,
    readonly path: string,
    private readonly isOutput = false,
  ) {}

  child(name: string | number): ParameterScope {
    return new ParameterScope(this.list, this.path === "" ? `${name}` : `${this.path}.${name}`, this.isOutput);
  }

  /** The same place, for a layer that computes the model's outputs. */
  ofOutput(): ParameterScope {
    return new ParameterScope(this.list, this.path, true);
  }

  parameter(name: string, shape: Shape, role: ParameterRole, initialise: Initialiser): Parameter {
    const { isOutput } = this;
    return this.list.add({ name: this.child(name).path, shape, role, initialise, ...(isOutput && { isOutput }) });
  }
}

/**
 * The numbers of a model: trainable parameters side by side in one flat array, in the order of the list and each in
 * PyTorch's layout, and the buffers in another. An optimiser, an all-reduce or a checkpoint takes the flat arrays; a
 * program takes the views.
 */
export class ParameterValues {
  readonly trainable: readonly Parameter[];
  readonly buffers: readonly Parameter[];
  readonly flat: Float32Array;
  readonly flatBuffers: Float32Array;
  private readonly views = new Map<string, Float32Array>();

  constructor(readonly parameters: readonly Parameter[]) {
    this.trainable = parameters.filter((parameter) => parameter.role !== "buffer");
    this.buffers = parameters.filter((parameter) => parameter.role === "buffer");
    this.flat = this.layOut(this.trainable);
    this.flatBuffers = this.layOut(this.buffers);
  }

  private layOut(parameters: readonly Parameter[]): Float32Array {
    const flat = new Float32Array(parameters.reduce((n, { shape }) => n + sizeOf(shape), 0));
    for (const [name, view] of viewsOf(flat, parameters)) this.views.set(name, view);
    return flat;
  }

  /** The numbers of one parameter or buffer, a view: writing to it changes the model. */
  view(name: string): Float32Array {
    const view = this.views.get(name);
    if (view === undefined) throw new GraphError(`no parameter named ${name}`);
    return view;
  }

  /** Draws every parameter from its initialiser. Each has its own random stream, so order does not matter. */
  initialise(streamOf: (name: string) => Random): void {
    for (const { name, shape, initialise } of this.parameters) initialise(this.view(name), shape, streamOf(name));
  }
}

/** Cuts a flat array into one view per parameter, in order. */
export function viewsOf(flat: Float32Array, parameters: readonly Parameter[]): Map<string, Float32Array> {
  const views = new Map<string, Float32Array>();
  let offset = 0;
  for (const { name, shape } of parameters) {
    const size = sizeOf(shape);
    views.set(name, flat.subarray(offset, offset + size));
    offset += size;
  }
  return views;
}
