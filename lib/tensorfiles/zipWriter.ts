import { crc32 } from "node:zlib";

/** A member to store, its bytes in parts. */
export interface NewMember {
  readonly name: string;
  readonly content: readonly Uint8Array[];
}

/** Members' bytes begin at a multiple of this, as PyTorch and NumPy require for mapping a file into memory. */
const ALIGNMENT = 64;
const PADDING_ID = 0x4246; // "FB", the extra field in which PyTorch pads
const ZIP64_ID = 1;
const MOST_32 = 0xffffffff;
const DATE = (1 << 5) | 1; // 1 January 1980: files with the same content are the same

interface Written {
  readonly name: Buffer;
  readonly size: number;
  readonly checksum: number;
  readonly offset: number;
}

/**
 * The bytes of a zip archive of stored members, each aligned to 64 bytes, zip64 where necessary. One member at a time
 * is in memory. (Own code: the zip writers on npm cannot align members, which `torch.load(mmap=True)` and `mmap_mode`
 * benefit from; stored members are little more than two headers.)
 */
export async function* zipParts(
  members: Iterable<NewMember> | AsyncIterable<NewMember>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const written: Written[] = [];
  let offset = 0;
  for await (const { name, content } of members) {
    const size = content.reduce((sum, { length }) => sum + length, 0);
    const checksum = content.reduce((value, part) => crc32(part, value), 0);
    const member: Written = { name: Buffer.from(name), size, checksum, offset };
    const header = localHeader(member);
    yield header;
    yield* content;
    written.push(member);
    offset += header.length + size;
  }
  const directory = Buffer.concat(written.map(directoryEntry));
  yield directory;
  yield endOf(written.length, directory.length, offset);
}

function localHeader({ name, size, checksum, offset }: Written): Buffer {
  const large = size >= MOST_32;
  const zip64 = large ? zip64Extra([size, size]) : Buffer.alloc(0);
  const start = offset + 30 + name.length + zip64.length;
  const padding = extraField(PADDING_ID, Buffer.alloc((2 * ALIGNMENT - ((start + 4) % ALIGNMENT)) % ALIGNMENT));
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(large ? 45 : 20, 4);
  header.writeUInt16LE(DATE, 12);
  header.writeUInt32LE(checksum, 14);
  header.writeUInt32LE(large ? MOST_32 : size, 18);
  header.writeUInt32LE(large ? MOST_32 : size, 22);
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(zip64.length + padding.length, 28);
  return Buffer.concat([header, name, zip64, padding]);
}

function directoryEntry({ name, size, checksum, offset }: Written): Buffer {
  const [large, far] = [size >= MOST_32, offset >= MOST_32];
  const zip64 = large || far ? zip64Extra([...(large ? [size, size] : []), ...(far ? [offset] : [])]) : Buffer.alloc(0);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(large || far ? 45 : 20, 4);
  entry.writeUInt16LE(large || far ? 45 : 20, 6);
  entry.writeUInt16LE(DATE, 14);
  entry.writeUInt32LE(checksum, 16);
  entry.writeUInt32LE(large ? MOST_32 : size, 20);
  entry.writeUInt32LE(large ? MOST_32 : size, 24);
  entry.writeUInt16LE(name.length, 28);
  entry.writeUInt16LE(zip64.length, 30);
  entry.writeUInt32LE(far ? MOST_32 : offset, 42);
  return Buffer.concat([entry, name, zip64]);
}

function endOf(count: number, length: number, offset: number): Buffer {
  const needs64 = count >= 0xffff || length >= MOST_32 || offset >= MOST_32;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(count, 0xffff), 8);
  end.writeUInt16LE(Math.min(count, 0xffff), 10);
  end.writeUInt32LE(Math.min(length, MOST_32), 12);
  end.writeUInt32LE(Math.min(offset, MOST_32), 16);
  return needs64 ? Buffer.concat([end64(count, length, offset), end]) : end;
}

/** The zip64 end of the directory and the pointer to it. */
function end64(count: number, length: number, offset: number): Buffer {
  const record = Buffer.alloc(56 + 20);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeUInt16LE(45, 12);
  record.writeUInt16LE(45, 14);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(length), 40);
  record.writeBigUInt64LE(BigInt(offset), 48);
  record.writeUInt32LE(0x07064b50, 56);
  record.writeBigUInt64LE(BigInt(offset + length), 64);
  record.writeUInt32LE(1, 72);
  return record;
}

function zip64Extra(values: readonly number[]): Buffer {
  const content = Buffer.alloc(8 * values.length);
  values.forEach((value, i) => {
    content.writeBigUInt64LE(BigInt(value), 8 * i);
  });
  return extraField(ZIP64_ID, content);
}

function extraField(id: number, content: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(id, 0);
  head.writeUInt16LE(content.length, 2);
  return Buffer.concat([head, content]);
}
