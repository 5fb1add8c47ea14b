import type { PickleValue } from "./pickle/values.js";
import type { Dtype, Tensor, TensorData } from "./tensor.js";

/** A tensor in a file: what is known of it without reading its bytes. */
export interface StoredTensor {
  /** Keys of the containers around it, the outermost first; [] where the file has none. */
  readonly group: readonly string[];
  /** Its name within them. */
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Bytes of its elements. */
  readonly bytes: number;
}

/** Something in a file that is no tensor that can be read. */
export interface OtherContent {
  readonly group: readonly string[];
  readonly name: string;
  /** The element type, where this is a tensor of one that is not computed with. */
  readonly type?: string;
  /** For people: a value, or the class of an object that was not read. */
  readonly what: string;
}

/** An open file of tensors, of which only what names them has been read. */
export interface TensorFile {
  readonly path: string;
  /** The part that was asked for, its keys joined by dots; undefined where the choice is left to a rule. */
  readonly part?: string;
  readonly format: "safetensors" | "PyTorch" | "PyTorch (legacy)" | "NumPy";
  readonly tensors: readonly StoredTensor[];
  readonly others: readonly OtherContent[];
  /** The texts a safetensors file carries beside its tensors, or a PyTorch file under `meta`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** All that a PyTorch file holds, as data. */
  readonly root?: PickleValue;
  /** Reads one of `tensors`. @throws UserError when the file is damaged */
  read(tensor: StoredTensor): Promise<Tensor>;
  /** Reads one straight into an array of its own element type and length. @throws as `read` */
  readInto(tensor: StoredTensor, target: TensorData): Promise<void>;
  close(): Promise<void>;
}

/** A tensor to be written, and how to get it when its turn comes. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly read: () => Promise<Tensor>;
}
