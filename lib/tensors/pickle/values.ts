import type { Dtype } from "../tensor.js";

/** What a pickle holds, as data: nothing in it was imported, called or built. */
export type PickleValue =
  | null
  | boolean
  | number
  /** Integers past ±2^53. */
  | bigint
  | string
  | Uint8Array
  | PickleList
  | PickleDict
  | PickleGlobal
  | PickleOpaque
  | TorchStorage
  | TorchTensor;

/** What both of PyTorch's formats come down to. */
export interface TorchContainer {
  readonly root: PickleValue;
  /** Numbers are stored most significant byte first. */
  readonly bigEndian: boolean;
  /** A function that fills bytes from a place in a storage on. @throws UserError when the file lacks the storage */
  open(storage: TorchStorage): Promise<(target: Uint8Array, position: number) => Promise<void>>;
}

/** A list, tuple or set. */
export interface PickleList {
  readonly kind: "list" | "tuple";
  readonly items: PickleValue[];
}

export interface PickleDict {
  readonly kind: "dict";
  /** Keys that are tuples are told apart by identity. */
  readonly entries: Map<PickleValue, PickleValue>;
}

/** A class or function, by name alone. */
export interface PickleGlobal {
  readonly kind: "global";
  readonly name: string;
}

/** Stands for an object of a class that is not known here; what it held is dropped. */
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
  /** Of the part of the storage that is meant; views of old files begin inside it. */
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
  /** In elements, as the offset. */
  readonly strides: readonly number[];
  readonly offset: number;
}

/** An element type; those without a `dtype` are named and skipped. */
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
