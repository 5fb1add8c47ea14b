import type { Node, Value } from "../../graph/index.js";
import type { Emitter } from "./emitter.js";

/**
 * What runs the model: any runtime, which has the operators of the ONNX standard; or onnxruntime's CPU provider, for
 * which its own operators (domain com.microsoft) are used too, and forms that it runs fast.
 */
export type Dialect = "standard" | "onnxruntime";

/** What a model is written for. */
export interface Target {
  readonly dialect: Dialect;
  readonly opset: number;
  readonly sizes: Sizes;
  /** Compute in float16 where that is exact enough. */
  readonly half: boolean;
}

/** Takes whole numbers from a node. */
type Read<Attributes> = (node: Node<Attributes>) => readonly number[];

/** Whole numbers of a node that may depend on input sizes: shapes, bounds, counts. */
export interface Sizes {
  /** Whether a size differs from run to run. */
  isFree(value: Value, axis: number): boolean;
  /** The numbers that `read` takes from the node, as an int64 vector; computed if they are free. */
  vector<Attributes>(emit: Emitter, node: Node<Attributes>, read: Read<Attributes>): string;
  /** The same as the target of a Reshape, which infers one number itself. */
  shape<Attributes>(emit: Emitter, node: Node<Attributes>, read: Read<Attributes>): string;
  /** The numbers if they do not depend on sizes, otherwise undefined. */
  fixed<Attributes>(node: Node<Attributes>, read: Read<Attributes>): readonly number[] | undefined;
  /** Tells which tensor a value is in. */
  register(value: Value, tensor: string): void;
}

/** Every size is known. */
export const FIXED_SIZES: Sizes = {
  isFree: () => false,
  vector: (emit, node, read) => emit.int64(read(node)),
  shape: (emit, node, read) => emit.int64(read(node)),
  fixed: (node, read) => read(node),
  register: () => undefined,
};
