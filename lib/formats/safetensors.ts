import type { FileHandle } from "node:fs/promises";
import { UserError } from "../errors.js";
import { describeFileError, openFile, writeFileAtomic } from "../files.js";
import { isTooDeep, parseJson } from "../json.js";
import {
  bytesOf,
  DTYPES,
  type Dtype,
  elementCount,
  isDtype,
  type Tensor,
  type TensorData,
  viewBytes,
} from "./tensor.js";
import type { TensorToWrite } from "./tensorFile.js";

/*
 * The safetensors format: 8 bytes little-endian header length, a JSON header
 * { name: { dtype, shape, data_offsets: [begin, end] }, "__metadata__": { text: text } }, then the tensors' bytes,
 * contiguous, offsets counted from the end of the header.
 */

const LARGEST_HEADER = 100_000_000;

/** Bits of the format's element types that are not computed with; of others, to come, nothing is known. */
const OTHER_TYPES: Readonly<Record<string, number>> = {
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F8_E8M0: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
  C64: 64,
};

interface Placed {
  readonly shape: readonly number[];
  /** Byte range within the data section. */
  readonly begin: number;
  readonly end: number;
}

export interface TensorEntry extends Placed {
  readonly dtype: Dtype;
}

/** A tensor whose element type is not computed with. */
export interface OtherEntry extends Placed {
  readonly type: string;
}

/** An open file of which only the header has been read. */
export interface SafetensorsFile {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their bytes in the file. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** Those that cannot be read. */
  readonly others: ReadonlyMap<string, OtherEntry>;
  /** Reads one tensor. @throws UserError when there is none of that name */
  read(name: string): Promise<Tensor>;
  /**
   * Reads one tensor's bytes straight into `target`, e.g. a view of a flat parameter array.
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

/** Reads a whole file; the tensors are views of one buffer. @throws UserError as `openSafetensors` */
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
 * @param onPart is shown the file's bytes in turn, such as to sum them up
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

/** As `writeSafetensors`, with one tensor at a time in memory. */
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

function encodeHeader(tensors: readonly TensorToWrite[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const header: Record<string, unknown> = Object.create(null); // so that any name can be a key, "__proto__" too
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    if (Object.hasOwn(header, name)) throw new Error(`two tensors are named "${name}"`);
    const end = offset + elementCount(shape) * DTYPES[dtype].bytes;
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
  padded.writeBigUInt64LE(BigInt(padded.length - 8), 0);
  json.copy(padded, 8);
  return padded;
}

interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly others: ReadonlyMap<string, OtherEntry>;
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
  if (!isRecord(json)) throw broken(path, "has a header that is no JSON object");
  const dataLength = size - 8 - length;
  const tensors = checkEntries(path, json, dataLength);
  return { metadata: checkMetadata(path, json.__metadata__), ...tensors, dataStart: 8 + length, dataLength };
}

function checkMetadata(path: string, metadata: unknown): Readonly<Record<string, string>> {
  if (metadata === undefined) return {};
  if (!isRecord(metadata)) throw broken(path, "has metadata that is no mapping");
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string") throw broken(path, `has metadata "${key}" that is no text`);
  }
  return metadata as Record<string, string>;
}

function checkEntries(
  path: string,
  json: Record<string, unknown>,
  dataLength: number,
): Pick<Header, "entries" | "others"> {
  const all = Object.entries(json)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]): [string, TensorEntry | OtherEntry] => [name, checkEntry(path, name, value)])
    .sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let previous = 0;
  for (const [name, { begin, end }] of all) {
    if (begin < previous) throw broken(path, `has overlapping tensors: "${name}" starts inside the one before it`);
    if (begin > previous) throw broken(path, `has a hole of ${begin - previous} bytes before tensor "${name}"`);
    if (end > dataLength) {
      throw broken(path, `is truncated: tensor "${name}" ends at byte ${end} of ${dataLength} bytes of data`);
    }
    previous = end;
  }
  if (previous !== dataLength) throw broken(path, `has ${dataLength - previous} bytes after its last tensor`);
  const entries = new Map<string, TensorEntry>();
  const others = new Map<string, OtherEntry>();
  for (const [name, entry] of all) {
    if ("type" in entry) others.set(name, entry);
    else entries.set(name, entry);
  }
  return { entries, others };
}

const LONGEST_TYPE = 40;

function checkEntry(path: string, name: string, value: unknown): TensorEntry | OtherEntry {
  if (!isRecord(value)) throw broken(path, `has a malformed entry for tensor "${name}"`);
  const { dtype: type, shape, data_offsets: offsets } = value;
  if (typeof type !== "string" || type === "" || type.length > LONGEST_TYPE) {
    throw broken(path, `has tensor "${name}" without a valid dtype`);
  }
  if (!isSizes(shape)) throw broken(path, `has tensor "${name}" without a valid shape`);
  if (!isSizes(offsets) || offsets.length !== 2) throw broken(path, `has tensor "${name}" without valid data_offsets`);
  const [begin = 0, end = 0] = offsets;
  const expected = bytesOfShape(type, shape);
  if (end < begin || (expected !== undefined && end - begin !== expected)) {
    const needed = expected === undefined ? "" : ` needs ${expected}`;
    throw broken(path, `has tensor "${name}" in ${end - begin} bytes where ${type} [${shape.join(", ")}]${needed}`);
  }
  return isDtype(type) ? { dtype: type, shape, begin, end } : { type, shape, begin, end };
}

/** Undefined where the element type is unknown. */
function bytesOfShape(type: string, shape: readonly number[]): number | undefined {
  if (isDtype(type)) return elementCount(shape) * DTYPES[type].bytes;
  const bits = Object.hasOwn(OTHER_TYPES, type) ? OTHER_TYPES[type] : undefined;
  return bits === undefined ? undefined : Math.ceil((elementCount(shape) * bits) / 8);
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

function broken(path: string, what: string): UserError {
  return new UserError(`${path}: the safetensors file ${what}; download or write it again`);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
