import { type DType, sizeOf, type TensorData, type TensorType, type Value } from "../graph/index.js";

/** Something that runs graphs. Programs are compiled once a shape and run many times. */
export interface Engine {
  readonly name: string;
  /** Of the runtime, where it tells. */
  readonly version?: string;
  /** Compiles the graph behind the named outputs. Its inputs become the program's inputs. */
  compile(outputs: Readonly<Record<string, Value>>, options?: CompileOptions): Promise<Program>;
  /** Runs a graph and tells what its kernels took by the runtime's own clock; absent of engines that do not. */
  kernelTimes?(outputs: Readonly<Record<string, Value>>, inputs: Tensors, runs: number): Promise<readonly KernelTime[]>;
}

/** What all kernels of a name took. */
export interface KernelTime {
  readonly name: string;
  /** In a run. */
  readonly count: number;
  /** Mean of a run. */
  readonly ms: number;
}

export interface CompileOptions {
  /**
   * Whether the program keeps the memory of a run for the next one, which saves some time. False for the programs of a
   * step that run while others hold the most memory. Default true.
   */
  readonly keepMemory?: boolean;
  /**
   * The whole graph of which this one is a part, to be timed on its own: what an engine decides by the look of a graph, it
   * decides by the whole one's.
   */
  readonly partOf?: Readonly<Record<string, Value>>;
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

const ARRAYS: Readonly<Record<DType, new (length: number) => TensorData>> = {
  float32: Float32Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** The array given for a tensor. Always a mistake in the program if it is missing or of another type or length. */
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
