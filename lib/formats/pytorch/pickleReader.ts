import { isUtf8 } from "node:buffer";

/** Thrown when a pickle goes on past the bytes at hand: there may be more of it in the file. */
export class EndOfBytes extends Error {
  override readonly name = "EndOfBytes";
}

/** Why a pickle cannot be read; the message goes on from "the pickle …". */
export class PickleError extends Error {
  override readonly name = "PickleError";
}

const LONGEST_LINE = 1000;

/** Reads a pickle's arguments, little-endian but for floats. */
export class PickleReader {
  private readonly buffer: Buffer;

  constructor(
    bytes: Uint8Array,
    /** Where the next byte is read. */
    public position = 0,
  ) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves on. @returns where it was */
  private take(length: number): number {
    const start = this.position;
    if (!(start + length <= this.buffer.length)) throw new EndOfBytes("the pickle is cut short");
    this.position = start + length;
    return start;
  }

  byte(): number {
    return this.buffer[this.take(1)]!;
  }

  uint16(): number {
    return this.buffer.readUInt16LE(this.take(2));
  }

  int32(): number {
    return this.buffer.readInt32LE(this.take(4));
  }

  uint32(): number {
    return this.buffer.readUInt32LE(this.take(4));
  }

  /** An unsigned length of 8 bytes; ones past 2^53 end the bytes anyway. */
  length64(): number {
    return Number(this.buffer.readBigUInt64LE(this.take(8)));
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.take(8));
  }

  /** An integer in two's complement; a bigint where a number would not hold it exactly. */
  signed(length: number): number | bigint {
    const start = this.take(length);
    if (length <= 6) return length === 0 ? 0 : this.buffer.readIntLE(start, length);
    const hex = this.buffer
      .toString("hex", start, start + length)
      .match(/../g)!
      .toReversed()
      .join("");
    const value = BigInt.asIntN(8 * length, BigInt(`0x${hex}`));
    const rounded = Number(value);
    return Number.isSafeInteger(rounded) ? rounded : value;
  }

  text(length: number, encoding: "utf8" | "latin1"): string {
    const start = this.take(length);
    const bytes = this.buffer.subarray(start, start + length);
    if (encoding === "utf8" && !isUtf8(bytes)) throw new PickleError("has a text that is no UTF-8");
    return bytes.toString(encoding);
  }

  /** A copy, so that the pickle's own bytes can be let go. */
  bytes(length: number): Uint8Array {
    const start = this.take(length);
    return new Uint8Array(this.buffer.subarray(start, start + length));
  }

  /** Text up to a line feed. */
  line(): string {
    const end = this.buffer.indexOf(0x0a, this.position);
    if (end < 0 && this.buffer.length - this.position < LONGEST_LINE) throw new EndOfBytes("the pickle is cut short");
    if (end < 0 || end - this.position > LONGEST_LINE) throw new PickleError("has a name without an end");
    const text = this.buffer.toString("utf8", this.position, end);
    this.position = end + 1;
    return text;
  }
}
