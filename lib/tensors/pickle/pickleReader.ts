import { textOfLatin1, textOfStrictUtf8, textOfUtf8, viewOf } from "../text.js";

/** Thrown when a pickle continues beyond the bytes read so far: there may be more of it in the file. */
export class EndOfBytes extends Error {
  override readonly name = "EndOfBytes";
}

/** Why a pickle cannot be read; the message continues "the pickle …". */
export class PickleError extends Error {
  override readonly name = "PickleError";
}

const LONGEST_LINE = 1000;
/** Integers with up to this many bytes are exact as numbers. */
export const EXACT_BYTES = 6;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Reads a pickle's arguments, little-endian except for floats. */
export class PickleReader {
  private readonly view: DataView;

  constructor(
    private readonly content: Uint8Array,
    /** The position of the next byte to read. */
    public position = 0,
  ) {
    this.view = viewOf(content);
  }

  /** Advances. @returns the previous position */
  private take(length: number): number {
    const start = this.position;
    if (!(start + length <= this.content.length)) throw new EndOfBytes("the pickle is cut short");
    this.position = start + length;
    return start;
  }

  byte(): number {
    return this.content[this.take(1)]!;
  }

  uint16(): number {
    return this.view.getUint16(this.take(2), true);
  }

  int32(): number {
    return this.view.getInt32(this.take(4), true);
  }

  uint32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  /** An unsigned length of 8 bytes; one above 2^53 is beyond the end of the bytes anyway. */
  length64(): number {
    return Number(this.view.getBigUint64(this.take(8), true));
  }

  float64(): number {
    return this.view.getFloat64(this.take(8));
  }

  /** An integer in two's complement; a bigint if a number would not be exact. */
  signed(length: number): number | bigint {
    const start = this.take(length);
    if (length <= EXACT_BYTES) {
      let number = 0;
      for (let i = start + length - 1; i >= start; i--) number = 256 * number + this.content[i]!;
      return number >= 2 ** (8 * length - 1) ? number - 2 ** (8 * length) : number;
    }
    let hex = "0x";
    for (let i = start + length - 1; i >= start; i--) hex += HEX[this.content[i]!]!;
    const value = BigInt.asIntN(8 * length, BigInt(hex));
    const rounded = Number(value);
    return Number.isSafeInteger(rounded) ? rounded : value;
  }

  text(length: number, encoding: "utf8" | "latin1"): string {
    const start = this.take(length);
    const bytes = this.content.subarray(start, start + length);
    if (encoding === "latin1") return textOfLatin1(bytes);
    try {
      return textOfStrictUtf8(bytes);
    } catch {
      throw new PickleError("has text that is not UTF-8");
    }
  }

  /** A copy, so that the pickle's own bytes can be freed. */
  bytes(length: number): Uint8Array {
    const start = this.take(length);
    return this.content.slice(start, start + length);
  }

  /** Text up to a line feed. */
  line(): string {
    const end = this.content.indexOf(0x0a, this.position);
    if (end < 0 && this.content.length - this.position < LONGEST_LINE) throw new EndOfBytes("the pickle is cut short");
    if (end < 0 || end - this.position > LONGEST_LINE) throw new PickleError("has a name without an end");
    const text = textOfUtf8(this.content.subarray(this.position, end));
    this.position = end + 1;
    return text;
  }
}
