import { crc32, deflateRawSync } from "node:zlib";

export interface TestMember {
  readonly name: string;
  readonly content: Uint8Array;
  readonly deflate?: boolean;
  /** The size claimed in the headers, if it is not the true one. */
  readonly claimed?: number;
  readonly checksum?: number;
}

/** A zip archive in memory, valid or not. */
export function zipOf(members: readonly TestMember[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, deflate = false, claimed = content.length, checksum = crc32(content) } of members) {
    const packed = deflate ? deflateRawSync(content) : content;
    const sizes = { checksum, packed: deflate ? packed.length : claimed, size: claimed, method: deflate ? 8 : 0 };
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    fields(local, 8, sizes, name);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    fields(entry, 10, sizes, name);
    entry.writeUInt32LE(offset, 42);
    files.push(local, Buffer.from(name), Buffer.from(packed));
    directory.push(entry, Buffer.from(name));
    offset += local.length + name.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(
    directory.reduce((sum, { length }) => sum + length, 0),
    12,
  );
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...files, ...directory, end]);
}

interface Sizes {
  readonly method: number;
  readonly checksum: number;
  readonly packed: number;
  readonly size: number;
}

/** The fields that local and central headers share, from the method on. */
function fields(header: Buffer, at: number, { method, checksum, packed, size }: Sizes, name: string): void {
  header.writeUInt16LE(method, at);
  header.writeUInt32LE(checksum >>> 0, at + 6);
  header.writeUInt32LE(packed, at + 10);
  header.writeUInt32LE(size, at + 14);
  header.writeUInt16LE(name.length, at + 18);
}
