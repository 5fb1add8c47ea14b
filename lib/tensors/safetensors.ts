import { UserError } from "../errors.js";
import { DTYPES, type Dtype, elementCount, isDtype } from "./tensor.js";
import type { TensorToWrite } from "./tensorFile.js";
import { viewOf } from "./text.js";

/*
 * The safetensors format: 8 bytes little-endian header length, a JSON header
 * { name: { dtype, shape, data_offsets: [begin, end] }, "__metadata__": { text: text } }, then the tensors' bytes,
 * contiguous, offsets counted from the end of the header.
 */

const SPACE = 0x20;

/** Bits of the format's element types that densekit does not compute with; nothing is known about future ones. */
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

/** A tensor with an element type that densekit does not compute with. */
export interface OtherEntry extends Placed {
  readonly type: string;
}

/** The contents of a file's header. */
export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their bytes in the file. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** Tensors that cannot be read. */
  readonly others: ReadonlyMap<string, OtherEntry>;
}

/**
 * @param json the parsed header
 * @throws UserError when it is inconsistent, or does not match `dataLength` bytes of data
 */
export function checkHeader(path: string, json: unknown, dataLength: number): SafetensorsHeader {
  if (!isRecord(json)) throw broken(path, "has a header that is not a JSON object");
  const tensors = checkEntries(path, json, dataLength);
  return { metadata: checkMetadata(path, json.__metadata__), ...tensors };
}

function checkMetadata(path: string, metadata: unknown): Readonly<Record<string, string>> {
  if (metadata === undefined) return {};
  if (!isRecord(metadata)) throw broken(path, "has metadata that is not a mapping");
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string") throw broken(path, `has metadata "${key}" that is not text`);
  }
  return metadata as Record<string, string>;
}

function checkEntries(
  path: string,
  json: Record<string, unknown>,
  dataLength: number,
): Omit<SafetensorsHeader, "metadata"> {
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

/** Undefined if the element type is unknown. */
function bytesOfShape(type: string, shape: readonly number[]): number | undefined {
  if (isDtype(type)) return elementCount(shape) * DTYPES[type].bytes;
  const bits = Object.hasOwn(OTHER_TYPES, type) ? OTHER_TYPES[type] : undefined;
  return bits === undefined ? undefined : Math.ceil((elementCount(shape) * bits) / 8);
}

/** The beginning of a file of these tensors, padded so that the data starts at a multiple of 8 bytes. */
export function encodeHeader(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = Object.create(null); // so that any name can be a key, even "__proto__"
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    if (Object.hasOwn(header, name)) throw new Error(`two tensors are named "${name}"`);
    const end = offset + elementCount(shape) * DTYPES[dtype].bytes;
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(SPACE);
  viewOf(padded).setBigUint64(0, BigInt(padded.length - 8), true);
  padded.set(json, 8);
  return padded;
}

export function broken(path: string, what: string): UserError {
  return new UserError(`${path}: the safetensors file ${what}; download or write it again`);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
