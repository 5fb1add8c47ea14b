import type { PickleValue } from "./pickle/values.js";
import type { Dtype, Tensor, TensorData } from "./tensor.js";

/** A tensor in a file: what is known about it without reading its bytes. */
export interface StoredTensor {
  /** Keys of the containers around it, the outermost first; [] if the file has none. */
  readonly group: readonly string[];
  /** Its name within them. */
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Bytes of its elements. */
  readonly bytes: number;
}

/** Something in a file that is not a readable tensor. */
export interface OtherContent {
  readonly group: readonly string[];
  readonly name: string;
  /** The element type, if this is a tensor with one that densekit does not compute with. */
  readonly type?: string;
  /** A description for people: a value, or the class of an object that was not read. */
  readonly what: string;
}

/** An open file of tensors; only their names have been read. */
export interface TensorFile {
  readonly path: string;
  /** The requested part, its keys joined by dots; undefined if the choice is left to a rule. */
  readonly part?: string;
  readonly format: "safetensors" | "PyTorch" | "PyTorch (legacy)" | "NumPy";
  readonly tensors: readonly StoredTensor[];
  readonly others: readonly OtherContent[];
  /** The texts in a safetensors file besides its tensors, or in a PyTorch file under `meta`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Everything in a PyTorch file, as data. */
  readonly root?: PickleValue;
  /** Reads one of `tensors`. @throws UserError when the file is damaged */
  read(tensor: StoredTensor): Promise<Tensor>;
  /** Reads one directly into an array of its element type and length. @throws like `read` */
  readInto(tensor: StoredTensor, target: TensorData): Promise<void>;
  close(): Promise<void>;
}

/** A tensor to write, and how to get it when its turn comes. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly read: () => Promise<Tensor>;
}
