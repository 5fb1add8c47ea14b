import type { Dtype } from "../tensor.js";

/** The contents of a pickle as data: nothing in it was imported, called or built. */
export type PickleValue =
  | null
  | boolean
  | number
  /** Integers beyond ±2^53. */
  | bigint
  | string
  | Uint8Array
  | PickleList
  | PickleDict
  | PickleGlobal
  | PickleOpaque
  | TorchStorage
  | TorchTensor;

/** What both of PyTorch's formats have in common. */
export interface TorchContainer {
  readonly root: PickleValue;
  /** Numbers are stored most significant byte first. */
  readonly bigEndian: boolean;
  /**
   * Returns a function that fills bytes from a position in a storage.
   *
   * @throws UserError when the file lacks the storage
   */
  open(storage: TorchStorage): Promise<(target: Uint8Array, position: number) => Promise<void>>;
}

/** A list, tuple or set. */
export interface PickleList {
  readonly kind: "list" | "tuple";
  readonly items: PickleValue[];
}

export interface PickleDict {
  readonly kind: "dict";
  /** Keys that are tuples are distinguished by identity. */
  readonly entries: Map<PickleValue, PickleValue>;
}

/** A class or function, by name alone. */
export interface PickleGlobal {
  readonly kind: "global";
  readonly name: string;
}

/** Stands for an object of an unknown class; its contents are dropped. */
export interface PickleOpaque {
  readonly kind: "opaque";
  /** The class, or the function that would have made it. */
  readonly name: string;
}

/** A row of bytes in the file. */
export interface TorchStorage {
  readonly kind: "storage";
  readonly key: string;
  readonly type: StorageType;
  /** Of the relevant part of the storage; views in old files begin inside it. */
  readonly byteOffset: number;
  readonly bytes: number;
  /** Of the whole storage. */
  readonly wholeBytes: number;
}

export interface TorchTensor {
  readonly kind: "tensor";
  readonly storage: TorchStorage;
  readonly type: StorageType;
  readonly shape: readonly number[];
  /** In elements, like the offset. */
  readonly strides: readonly number[];
  readonly offset: number;
}

/** An element type; tensors of one without a `dtype` are reported and skipped. */
export interface StorageType {
  readonly name: string;
  readonly bytes: number;
  readonly dtype?: Dtype;
}

export const isList = (value: PickleValue | undefined): value is PickleList =>
  isObject(value) && (value.kind === "list" || value.kind === "tuple");
export const isKind = <Kind extends Exclude<PickleObject["kind"], "list" | "tuple">>(
  value: PickleValue | undefined,
  kind: Kind,
): value is Extract<PickleObject, { kind: Kind }> => isObject(value) && value.kind === kind;

type PickleObject = PickleList | PickleDict | PickleGlobal | PickleOpaque | TorchStorage | TorchTensor;

function isObject(value: PickleValue | undefined): value is PickleObject {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
}
