import type { DType, Shape, TensorData, TensorType } from "../../graph/index.js";
import { type Attribute, ELEMENT_TYPES, type Emitter } from "./emitter.js";
import type { Order } from "./order.js";

/**
 * Which operators may be used: those every backend of TF.js has, or TensorFlow's own too, such as its kernels of
 * convolution gradients.
 */
export type Dialect = "tfjs" | "tensorflow";

/** A tensor in the graph being written: its name and the order of its axes. */
export interface Tensor {
  readonly name: string;
  readonly order: Order;
  /** True: its first axis may be shorter than the static shape says (see the operator `truncate`). */
  readonly ragged?: boolean;
}

/** An input of the node being written. */
export interface Operand {
  /** As in the graph, whatever the order. */
  readonly shape: Shape;
  readonly dtype: DType;
  /** The order in which it is stored already. */
  readonly order: Order;
  readonly ragged: boolean;
  /** Its elements in the axes' own order, if they are known. */
  readonly constant?: TensorData | undefined;
  /** The name of the tensor in an order of its axes, written if necessary; with another shape if one is given. */
  as(order: Order, reshaped?: Shape): string;
}

/** Where a node is being written, for helpers that do not need its attributes. */
export interface Place {
  readonly emit: Emitter;
  readonly operands: readonly Operand[];
  readonly outputs: readonly TensorType[];
  readonly dialect: Dialect;
}

/** A node being written. */
export interface Site<A> extends Place {
  readonly attributes: A;
}

/** Writes one node and returns its outputs; undefined if its decomposition should be written. */
export type Lowering<A> = (site: Site<A>) => Tensor | readonly Tensor[] | undefined;

export const typeOf = (dtype: DType): Attribute => ({ type: ELEMENT_TYPES[dtype] });

/** The shape as stored, with −1 for a first axis of unknown length. */
export function storedDims({ shape, ragged }: Pick<Operand, "shape" | "ragged">, order: Order): number[] {
  return order.map((axis) => (ragged && axis === 0 ? -1 : shape[axis]!));
}
