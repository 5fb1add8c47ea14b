import { zipOf } from "./zip.js";

/* Handwritten pickles, protocol 2, in the notation of Python's pickletools. */

export const op = (...bytes: number[]): Buffer => Buffer.from(bytes);
export const raw = (text: string): Buffer => Buffer.from(text, "latin1");

export function text(value: string): Buffer {
  const head = Buffer.from([0x58, 0, 0, 0, 0]);
  head.writeUInt32LE(Buffer.byteLength(value), 1);
  return Buffer.concat([head, Buffer.from(value)]);
}

export function integer(value: number): Buffer {
  const bytes = Buffer.alloc(10);
  bytes.set([0x8a, 8]);
  bytes.writeBigInt64LE(BigInt(value), 2);
  return bytes;
}

export const global = (name: string): Buffer => {
  const dot = name.lastIndexOf(".");
  return raw(`c${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`);
};
export const tuple = (...items: Buffer[]): Buffer => Buffer.concat([raw("("), ...items, raw("t")]);
export const dict = (...items: Buffer[]): Buffer => Buffer.concat([raw("}("), ...items, raw("u")]);
export const call = (name: string, ...args: Buffer[]): Buffer =>
  Buffer.concat([global(name), tuple(...args), raw("R")]);
export const pickle = (...parts: Buffer[]): Buffer => Buffer.concat([op(0x80, 2), ...parts, raw(".")]);

export interface TensorOptions {
  readonly storage?: string;
  readonly key?: string;
  /** Elements of the storage. */
  readonly count?: number;
  readonly offset?: number;
  readonly shape?: readonly number[];
  readonly strides?: readonly number[];
}

/** The pickle that torch.save writes for a tensor; by default four float32 values in storage 0. */
export function tensor(options: TensorOptions = {}): Buffer {
  const { storage = "torch.FloatStorage", key = "0", count = 4, offset = 0, shape = [4], strides = [1] } = options;
  const id = tuple(text("storage"), global(storage), text(key), text("cpu"), integer(count));
  return call(
    "torch._utils._rebuild_tensor_v2",
    Buffer.concat([id, raw("Q")]),
    integer(offset),
    tuple(...shape.map(integer)),
    tuple(...strides.map(integer)),
    op(0x89),
    call("collections.OrderedDict"),
  );
}

/** A PyTorch file in the zip format with a pickle and the bytes of its storages. */
export function torchZip(content: Buffer, storages: Readonly<Record<string, Uint8Array>> = {}): Buffer {
  return zipOf([
    { name: "archive/data.pkl", content },
    ...Object.entries(storages).map(([key, bytes]) => ({ name: `archive/data/${key}`, content: bytes })),
  ]);
}
