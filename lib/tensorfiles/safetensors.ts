import type { FileHandle } from "node:fs/promises";
import { UserError } from "../errors.js";
import { describeFileError, openFile, writeFileAtomic } from "../files.js";
import { isTooDeep, parseJson } from "../json.js";
import { broken, checkHeader, encodeHeader, type SafetensorsHeader, type TensorEntry } from "../tensors/safetensors.js";
import { bytesOf, DTYPES, elementCount, type Tensor, type TensorData, viewBytes } from "../tensors/tensor.js";
import type { TensorToWrite } from "../tensors/tensorFile.js";

export const LARGEST_HEADER = 100_000_000;

/** An open file; only its header has been read. */
export interface SafetensorsFile extends SafetensorsHeader {
  readonly path: string;
  /** Reads one tensor. @throws UserError when there is none with that name */
  read(name: string): Promise<Tensor>;
  /**
   * Reads one tensor's bytes directly into `target`, e.g. a view of a flat parameter array.
   * @throws UserError when the name is absent, the dtype is another or the length differs
   */
  readInto(name: string, target: TensorData): Promise<void>;
  close(): Promise<void>;
}

/** @throws UserError when the file is missing, truncated or its header is inconsistent */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await openFile(path);
  try {
    const { metadata, entries, others, dataStart } = await readHeader(file, path);
    const entryOf = (name: string): TensorEntry => {
      const entry = entries.get(name);
      const other = others.get(name);
      if (other !== undefined)
        throw new UserError(`${path}: tensor "${name}" is of ${other.type}, which cannot be read`);
      if (entry === undefined) throw new UserError(`${path}: holds no tensor named "${name}"`);
      return entry;
    };
    return {
      path,
      metadata,
      entries,
      others,
      async read(name) {
        const { dtype, shape, begin, end } = entryOf(name);
        const bytes = new Uint8Array(end - begin);
        await readFully(file, path, bytes, dataStart + begin);
        return { dtype, shape, data: viewBytes(dtype, bytes) };
      },
      async readInto(name, target) {
        const { dtype, shape, begin, end } = entryOf(name);
        if (!(target instanceof DTYPES[dtype].array) || target.byteLength !== end - begin) {
          throw new UserError(
            `${path}: tensor "${name}" is ${dtype} [${shape.join(", ")}], which does not fit ${target.constructor.name} of ${target.length} values`,
          );
        }
        await readFully(file, path, bytesOf(target), dataStart + begin);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw describeFileError(error, path, "read");
  }
}

/** Reads a whole file; the tensors are views of one buffer. @throws UserError like `openSafetensors` */
export async function readSafetensors(
  path: string,
): Promise<{ readonly metadata: Readonly<Record<string, string>>; readonly tensors: ReadonlyMap<string, Tensor> }> {
  const file = await openFile(path);
  try {
    const { metadata, entries, dataStart, dataLength } = await readHeader(file, path);
    const data = new Uint8Array(dataLength);
    await readFully(file, path, data, dataStart);
    const tensors = new Map<string, Tensor>();
    for (const [name, { dtype, shape, begin, end }] of entries) {
      tensors.set(name, { dtype, shape, data: viewBytes(dtype, data.subarray(begin, end)) });
    }
    return { metadata, tensors };
  } catch (error) {
    throw describeFileError(error, path, "read");
  } finally {
    await file.close();
  }
}

/**
 * Writes tensors in the order given, atomically and without copying them. The header is padded so that the data
 * section starts on a multiple of 8 bytes.
 *
 * @param onPart is called with the file's bytes in turn, for example to compute a checksum
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<readonly [name: string, tensor: Tensor]>,
  metadata: Readonly<Record<string, string>> = {},
  onPart?: (bytes: Uint8Array) => void,
): Promise<void> {
  const all = Array.from(tensors, ([name, tensor]) => {
    if (tensor.data.length !== elementCount(tensor.shape)) {
      throw new Error(`tensor "${name}" has ${tensor.data.length} values but shape [${tensor.shape.join(", ")}]`);
    }
    return { name, dtype: tensor.dtype, shape: tensor.shape, read: async () => tensor };
  });
  await streamSafetensors(path, all, metadata, onPart);
}

/** Like `writeSafetensors`, with one tensor at a time in memory. */
export async function streamSafetensors(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
  onPart: (bytes: Uint8Array) => void = () => undefined,
): Promise<void> {
  const header = encodeHeader(tensors, metadata);
  async function* parts(): AsyncGenerator<Uint8Array> {
    onPart(header);
    yield header;
    for (const { read } of tensors) {
      const bytes = bytesOf((await read()).data);
      onPart(bytes);
      yield bytes;
    }
  }
  await writeFileAtomic(path, parts());
}

interface Header extends SafetensorsHeader {
  readonly dataStart: number;
  readonly dataLength: number;
}

async function readHeader(file: FileHandle, path: string): Promise<Header> {
  const { size } = await file.stat();
  if (size < 8) throw broken(path, `is ${size} bytes long, shorter than any safetensors file`);
  const prefix = Buffer.alloc(8);
  await readFully(file, path, prefix, 0);
  const length = Number(prefix.readBigUInt64LE(0));
  if (length > LARGEST_HEADER) throw broken(path, "does not start with a safetensors header");
  if (8 + length > size) throw broken(path, `is truncated inside its header (${size} bytes)`);
  const text = Buffer.alloc(length);
  await readFully(file, path, text, 8);
  let json: unknown;
  try {
    json = parseJson(text.toString("utf8"));
  } catch (error) {
    throw broken(path, `has a header that is not JSON${isTooDeep(error) ? ` (${error.message})` : ""}`);
  }
  const dataLength = size - 8 - length;
  return { ...checkHeader(path, json, dataLength), dataStart: 8 + length, dataLength };
}

async function readFully(file: FileHandle, path: string, target: Uint8Array, position: number): Promise<void> {
  const largestRead = 1 << 30; // one read call takes at most 2 GiB
  for (let done = 0; done < target.length; ) {
    const length = Math.min(largestRead, target.length - done);
    const { bytesRead } = await file.read(target, done, length, position + done);
    if (bytesRead === 0) throw broken(path, "became shorter while it was read");
    done += bytesRead;
  }
}
