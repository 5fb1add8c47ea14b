import type { TensorData, TensorType, Value } from "../graph/index.js";

/** Something that runs graphs. Programs are compiled once a shape and run many times. */
export interface Engine {
  readonly name: string;
  /** Compiles the graph behind the named outputs. Its inputs become the program's inputs. */
  compile(outputs: Readonly<Record<string, Value>>, options?: CompileOptions): Promise<Program>;
}

export interface CompileOptions {
  /**
   * Whether the program keeps the memory of a run for the next one, which saves some time. False for the programs of a
   * step that run while others hold the most memory. Default true.
   */
  readonly keepMemory?: boolean;
}

export type Tensors = Readonly<Record<string, TensorData>>;

export interface Program {
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;

  /**
   * Runs once. `inputs` are used as they are, without a copy, and must not change while the run lasts.
   *
   * @param into arrays to write outputs into; the others are returned in arrays of their own
   * @returns every output by name
   */
  run(inputs: Tensors, into?: Tensors): Promise<Tensors>;

  /** Gives the memory back; the program cannot run any more. */
  dispose(): Promise<void>;
}
