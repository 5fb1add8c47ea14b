import { type DType, sizeOf, type TensorData, type TensorType, type Value } from "../graph/index.js";

/** Something that runs graphs. Programs are compiled once for each shape and run many times. */
export interface Engine {
  readonly name: string;
  /** The runtime's version, if it is known. */
  readonly version?: string;
  /** Compiles the graph behind the named outputs. Its inputs become the program's inputs. */
  compile(outputs: Readonly<Record<string, Value>>, options?: CompileOptions): Promise<Program>;
  /** Runs a graph and returns the time its kernels took by the runtime's own clock; absent for engines that cannot. */
  kernelTimes?(
    outputs: Readonly<Record<string, Value>>,
    inputs: Tensors,
    runs: number,
    options?: CompileOptions,
  ): Promise<readonly KernelTime[]>;
}

/** The time of all kernels with one name. */
export interface KernelTime {
  readonly name: string;
  /** Number of calls per run. */
  readonly count: number;
  /** Mean per run. */
  readonly ms: number;
}

export interface CompileOptions {
  /**
   * Whether the program keeps the memory of a run for the next one, which saves some time. False for the programs of a
   * step that run while others hold the most memory. Default true.
   */
  readonly keepMemory?: boolean;
  /**
   * The whole graph of which this one is a part, to be timed on its own: decisions that depend on the structure of a
   * graph are made for the whole one.
   */
  readonly partOf?: Readonly<Record<string, Value>>;
}

export type Tensors = Readonly<Record<string, TensorData>>;

export interface Program {
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;

  /**
   * Runs once. `inputs` are used without a copy and must not change during the run.
   *
   * @param into arrays to write outputs into; other outputs are returned in new arrays
   * @returns every output by name
   */
  run(inputs: Tensors, into?: Tensors): Promise<Tensors>;

  /** Releases the memory; the program cannot run any more. */
  dispose(): Promise<void>;
}

const ARRAYS: Readonly<Record<DType, new (length: number) => TensorData>> = {
  float32: Float32Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** The array given for a tensor. If it is missing or has another type or length, that is always a programming error. */
export function checkTensor(data: TensorData | undefined, { shape, dtype }: TensorType, name: string): TensorData {
  if (data === undefined) throw new Error(`the program's input ${name} was not given`);
  if (data.length !== sizeOf(shape) || data.constructor.name !== ARRAYS[dtype].name) {
    const wanted = `${ARRAYS[dtype].name} of ${sizeOf(shape)} for ${dtype}[${shape}]`;
    throw new Error(`${name}: a ${data.constructor.name} of ${data.length} was given, not a ${wanted}`);
  }
  return data;
}

/** An array for a tensor of this type, all zeros. */
export function newArray({ shape, dtype }: TensorType): TensorData {
  return new ARRAYS[dtype](sizeOf(shape));
}
