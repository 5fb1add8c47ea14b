import { UserError } from "../../errors.js";
import { contentsOf, type Found } from "../../tensors/pickle/contents.js";
import { EndOfBytes, PickleError } from "../../tensors/pickle/pickleReader.js";
import { isKind, type PickleValue, type TorchContainer, type TorchTensor } from "../../tensors/pickle/values.js";
import { readStrided } from "../../tensors/strided.js";
import { bytesOf, DTYPES, elementCount, type TensorData, viewBytes } from "../../tensors/tensor.js";
import type { StoredTensor, TensorFile } from "../../tensors/tensorFile.js";
import { type ByteSource, openByteSource } from "../bytes.js";
import { readLegacyFile } from "./legacyFile.js";
import { readZipFile } from "./zipFile.js";

/** A TensorFile with the file's other contents. */
export interface TorchFile extends TensorFile {
  readonly root: PickleValue;
}

/**
 * Opens a file written by `torch.save`: the zip format (PyTorch 1.6 and later) or the one before it. The pickle inside
 * is read as data and never run; tensors are read by ranges when requested.
 *
 * @throws UserError when it is not such a file, is damaged, or tries to run a program
 */
export async function openTorchFile(path: string): Promise<TorchFile> {
  const source = await openByteSource(path);
  try {
    return await readTorchFile(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** Like `openTorchFile`, for a source, which `close` then closes. */
export async function readTorchFile(source: ByteSource): Promise<TorchFile> {
  const { path } = source;
  const start = new Uint8Array(Math.min(2, source.size));
  await source.readInto(start, 0);
  const isZip = start[0] === 0x50 && start[1] === 0x4b; // "PK"
  const container = await explained(path, () => (isZip ? readZipFile(source) : readLegacyFile(source)));
  const contents = contentsOf(container.root, source);
  const found = new Map<StoredTensor, TorchTensor>();
  for (const place of contents.tensors) found.set(stored(place), place.value);
  const readInto = async (tensor: StoredTensor, target: TensorData): Promise<void> => {
    const value = found.get(tensor);
    if (value === undefined) throw new Error(`${tensor.name} is not of ${path}`);
    await fill(container, value, target);
  };
  return {
    path,
    format: isZip ? "PyTorch" : "PyTorch (legacy)",
    tensors: [...found.keys()],
    others: contents.others.map(({ value, ...place }) => ({ ...place, what: value })),
    metadata: textsOf(entryOf(container.root, "meta")),
    root: container.root,
    async read(tensor) {
      const { dtype, shape, bytes } = tensor;
      const data = viewBytes(dtype, new Uint8Array(bytes));
      await readInto(tensor, data);
      return { dtype, shape, data };
    },
    readInto,
    close: () => source.close(),
  };
}

async function fill(container: TorchContainer, tensor: TorchTensor, target: TensorData): Promise<void> {
  const { storage, type, offset, shape, strides } = tensor;
  const { dtype, bytes: width } = type;
  if (dtype === undefined || !(target instanceof DTYPES[dtype].array) || target.length !== elementCount(shape)) {
    throw new Error(
      `a tensor of ${type.name} [${shape.join(", ")}] is to be read into ${target.constructor.name} of ${target.length}`,
    );
  }
  const read = await container.open(storage);
  await readStrided(dtype, { offset, shape, strides }, target, (bytes, start) =>
    read(bytes, storage.byteOffset + start * width),
  );
  if (container.bigEndian) swapBytes(bytesOf(target), width);
}

function swapBytes(bytes: Uint8Array, width: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (width === 2) buffer.swap16();
  if (width === 4) buffer.swap32();
  if (width === 8) buffer.swap64();
}

function stored({ group, name, value: { type, shape } }: Found<TorchTensor>): StoredTensor {
  return { group, name, dtype: type.dtype!, shape, bytes: elementCount(shape) * type.bytes };
}

/** The value of a key in a dictionary. */
export function entryOf(value: PickleValue | undefined, key: string): PickleValue | undefined {
  return isKind(value, "dict") ? value.entries.get(key) : undefined;
}

function textsOf(value: PickleValue | undefined): Record<string, string> {
  if (!isKind(value, "dict")) return {};
  const texts = [...value.entries].filter((entry): entry is [string, string] =>
    entry.every((x) => typeof x === "string"),
  );
  return Object.fromEntries(texts);
}

/** Turns errors in a pickle into a message for the user. */
async function explained<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PickleError) throw new UserError(`${path}: the pickle in this PyTorch file ${error.message}`);
    if (error instanceof EndOfBytes) throw new UserError(`${path}: the pickle in this PyTorch file is cut short`);
    throw error;
  }
}
