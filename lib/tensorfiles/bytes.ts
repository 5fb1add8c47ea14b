import type { FileHandle } from "node:fs/promises";
import { UserError } from "../errors.js";
import { describeFileError, openFile } from "../files.js";

/** Bytes that are read by ranges: a file that need not fit into memory, or a buffer in tests. */
export interface ByteSource {
  /** Its name in errors. */
  readonly path: string;
  readonly size: number;
  /** Fills `target` from `position` on. @throws UserError when the source ends before that */
  readInto(target: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

const LARGEST_READ = 1 << 30; // one read call takes at most 2 GiB

/** @throws UserError when the file is missing or cannot be read */
export async function openByteSource(path: string): Promise<ByteSource> {
  const explained = (error: unknown): never => {
    throw describeFileError(error, path, "read");
  };
  const file = await openFile(path);
  const { size } = await file.stat();
  return {
    path,
    size,
    readInto: (target, position) => readFully(file, path, target, position).catch(explained),
    close: () => file.close(),
  };
}

async function readFully(file: FileHandle, path: string, target: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const length = Math.min(LARGEST_READ, target.length - done);
    const { bytesRead } = await file.read(target, done, length, position + done);
    if (bytesRead === 0) throw ended(path);
    done += bytesRead;
  }
}

/** A source over bytes in memory. */
export function bytesSource(bytes: Uint8Array, path: string): ByteSource {
  return {
    path,
    size: bytes.length,
    async readInto(target, position) {
      if (position < 0 || position + target.length > bytes.length) throw ended(path);
      target.set(bytes.subarray(position, position + target.length));
    },
    close: async () => undefined,
  };
}

/** Longer than what precedes a zip member's bytes, so that a header and its data are one read. */
const AHEAD = 1 << 18;

/**
 * The same source for many small reads that mostly go forward: one that is not in memory also reads ahead. Large ones
 * go directly to the source.
 */
export function readingAhead(source: ByteSource): ByteSource {
  let window: { readonly start: number; readonly bytes: Uint8Array } | undefined;
  const bytesFrom = async (position: number, length: number): Promise<Uint8Array> => {
    const found = window;
    if (found !== undefined && position >= found.start && position + length <= found.start + found.bytes.length) {
      return found.bytes.subarray(position - found.start, position - found.start + length);
    }
    const bytes = await readRange(source, position, Math.min(AHEAD, source.size - position));
    window = { start: position, bytes };
    return bytes.subarray(0, length);
  };
  return {
    ...source,
    async readInto(target, position) {
      const isSmall = target.length <= AHEAD && position >= 0 && position + target.length <= source.size;
      if (!isSmall) return source.readInto(target, position);
      target.set(await bytesFrom(position, target.length));
    },
  };
}

/** Reads a range into new memory. The caller has checked that the file can have this length. */
export async function readRange(source: ByteSource, position: number, length: number): Promise<Buffer> {
  if (position < 0 || position + length > source.size) throw ended(source.path);
  const bytes = Buffer.allocUnsafeSlow(length);
  await source.readInto(bytes, position);
  return bytes;
}

function ended(path: string): UserError {
  return new UserError(
    `${path}: the file is truncated, or became shorter while it was read; download or write it again`,
  );
}
