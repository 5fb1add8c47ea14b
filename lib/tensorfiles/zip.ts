import { promisify } from "node:util";
import { crc32, inflateRaw } from "node:zlib";
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from "yauzl";
import { UserError } from "../errors.js";
import { type ByteSource, readRange } from "./bytes.js";

/** A member of an archive. */
export interface ZipMember {
  readonly name: string;
  /** Unpacked size in bytes, according to the archive. */
  readonly size: number;
  readonly packedSize: number;
  /** The position of its header, according to the archive. */
  readonly offset: number;
  readonly method: "stored" | "deflated";
  readonly crc32: number;
}

export interface ZipArchive {
  readonly members: ReadonlyMap<string, ZipMember>;
  /** The position in the source where a member's (packed) bytes begin. */
  locate(member: ZipMember): Promise<number>;
  /** Unpacks a complete member. @throws UserError when it is longer than `limit` or than the archive says */
  unpack(member: ZipMember, options: { readonly limit: number; readonly verify: boolean }): Promise<Uint8Array>;
}

/**
 * Unpacked bytes that an archive may claim: with more, it is taken for one made to fill the memory. Weights hardly
 * compress.
 */
export const unpackedAllowance = (size: number): number => 16 * size + (64 << 20);

const MOST_MEMBERS = 500_000;
/** Bytes before a member's own, without its name. */
const LOCAL_HEADER = 30;
/** Central directories are at the end: they are read from memory. */
const TAIL = 1 << 20;
const inflate = promisify(inflateRaw);

/**
 * Reads an archive's directory, with yauzl: it reads ranges, supports zip64 and gives the position of a member's bytes,
 * so that stored ones can be read directly into place.
 *
 * @throws UserError when this is not a zip archive, or a damaged one
 */
export async function openZip(source: ByteSource): Promise<ZipArchive> {
  const damaged = (error: unknown): UserError =>
    error instanceof UserError ? error : new UserError(`${source.path}: damaged zip archive: ${reason(error)}`);
  try {
    const reader = new SourceReader(source);
    const zip = await fromRandomAccessReaderPromise(reader, source.size, {
      autoClose: false,
      validateEntrySizes: true,
    });
    const entries = await readEntries(zip, source.path);
    const members = new Map<string, ZipMember>();
    const entryOf = new Map<ZipMember, Entry>();
    let occupied = 0;
    for (const entry of entries) {
      const member = describe(entry, source.path);
      if (member === undefined) continue;
      if (members.has(member.name)) throw new UserError(`${source.path}: two members are named ${member.name}`);
      members.set(member.name, member);
      entryOf.set(member, entry);
      occupied += LOCAL_HEADER + member.packedSize;
      if (occupied > source.size) throw new UserError(`${source.path}: damaged zip archive: its members overlap`);
    }
    const locate = async (member: ZipMember): Promise<number> => {
      const entry = entryOf.get(member);
      if (entry === undefined) throw new Error(`${member.name} is not a member of this archive`);
      try {
        return (await zip.readLocalFileHeaderPromise(entry, { minimal: true })).fileDataStart;
      } catch (error) {
        throw damaged(error);
      }
    };
    return {
      members,
      locate,
      async unpack(member, { limit, verify }) {
        const { name, size, packedSize, method } = member;
        if (size > limit) {
          throw new UserError(`${source.path}: ${name} claims ${size} bytes, more than the ${limit} expected`);
        }
        const packed = await readRange(source, await locate(member), packedSize);
        const bytes =
          method === "stored" ? packed : await unpacked(packed, size).catch((error) => Promise.reject(damaged(error)));
        if (bytes.length !== size) throw damaged(new Error(`${name} has ${bytes.length} bytes, not ${size}`));
        if (verify && crc32(bytes) !== member.crc32) throw damaged(new Error(`${name} fails its checksum`));
        return bytes;
      },
    };
  } catch (error) {
    throw damaged(error);
  }
}

/** Stops as soon as there is more than the archive says. */
function unpacked(packed: Uint8Array, size: number): Promise<Buffer> {
  return inflate(packed, { maxOutputLength: Math.max(1, size) });
}

async function readEntries(zip: ZipFile, path: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  return new Promise((resolve, reject) => {
    zip.on("error", reject);
    zip.on("end", () => resolve(entries));
    zip.on("entry", (entry: Entry) => {
      if (entries.push(entry) > MOST_MEMBERS) {
        reject(new UserError(`${path}: the archive has more than ${MOST_MEMBERS} members, too many for tensors`));
      } else zip.readEntry();
    });
    zip.readEntry();
  });
}

function describe(entry: Entry, path: string): ZipMember | undefined {
  const { fileName: name, uncompressedSize: size, compressedSize: packedSize, compressionMethod } = entry;
  const { relativeOffsetOfLocalHeader: offset, crc32 } = entry;
  if (name.endsWith("/")) return undefined;
  if (entry.isEncrypted()) throw new UserError(`${path}: ${name} is encrypted`);
  if (compressionMethod !== 0 && compressionMethod !== 8) {
    throw new UserError(
      `${path}: ${name} is packed by method ${compressionMethod}; only stored and deflated members can be read`,
    );
  }
  return { name, size, packedSize, offset, method: compressionMethod === 0 ? "stored" : "deflated", crc32 };
}

/** What yauzl reads through. Its stream methods are not used. */
class SourceReader extends RandomAccessReader {
  private tail: Promise<Buffer> | undefined;

  constructor(private readonly source: ByteSource) {
    super();
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.fill(buffer.subarray(offset, offset + length), position).then(
      () => callback(null),
      (error: Error) => callback(error),
    );
  }

  private async fill(target: Uint8Array, position: number): Promise<void> {
    const start = Math.max(0, this.source.size - TAIL);
    if (position < start || position + target.length > this.source.size) return this.source.readInto(target, position);
    this.tail ??= readRange(this.source, start, this.source.size - start);
    target.set((await this.tail).subarray(position - start, position - start + target.length));
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
