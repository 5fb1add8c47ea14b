import type { DType, TensorData } from "../graph/index.js";

/** A tensor with its shape in this run. */
export interface SizedTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export type SizedTensors = Readonly<Record<string, SizedTensor>>;

/** The type of an input or output; a free size has a name or is undefined. */
export interface OpenType {
  readonly dtype: DType;
  readonly shape: readonly (number | string | undefined)[];
}

export type OpenTypes = Readonly<Record<string, OpenType>>;

/** A model in a file of some format, run by a runtime for that format. */
export interface ModelFile {
  /** Strings by key, as in the file. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly inputs: OpenTypes;
  readonly outputs: OpenTypes;
  /** @returns every output */
  run(inputs: SizedTensors): Promise<SizedTensors>;
  dispose(): Promise<void>;
}
