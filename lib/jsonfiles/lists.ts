import { isUtf8 } from "node:buffer";
import { UserError } from "../errors.js";
import { describeFileError, openFile } from "../files.js";
import { parsePythonJson } from "./python.js";

/** Some elements of a list in a JSON file. */
export interface JsonPiece {
  /** First byte, and the one after the last. */
  readonly start: number;
  readonly end: number;
  /** Position of the first element in the list. */
  readonly first: number;
}

/** Where the lists in a JSON file are: the file itself is not kept, and may be larger than memory. */
export interface JsonOutline {
  readonly path: string;
  readonly bytes: number;
  readonly root: "list" | "object";
  /** The lists directly in the root object, by key; the root list's key is "". */
  readonly lists: ReadonlyMap<string, readonly JsonPiece[]>;
}

export interface OutlineOptions {
  readonly signal?: AbortSignal | undefined;
  /** Lists are cut where an element ends after this many bytes; default 4 MiB. */
  readonly pieceBytes?: number;
}

const BLOCK_BYTES = 1 << 20;
const PIECE_BYTES = 4 << 20;
/** What a string of Node.js can hold, with room for brackets. */
const LONGEST_ELEMENT = 0x1fffffe0;

/**
 * Finds the lists of a JSON file without parsing it: only strings and brackets are examined. What is outside the lists
 * is not checked.
 *
 * @throws UserError when the file cannot be read, is not a list or object, breaks off, or continues after its end
 */
export async function outlineJson(path: string, options: OutlineOptions = {}): Promise<JsonOutline> {
  const file = await openFile(path);
  try {
    const scanner = jsonScanner(path, options.pieceBytes ?? PIECE_BYTES);
    const block = Buffer.allocUnsafe(BLOCK_BYTES);
    let bytes = 0;
    for (;;) {
      options.signal?.throwIfAborted();
      const { bytesRead } = await file.read(block, 0, block.length, bytes);
      if (bytesRead === 0) break;
      scanner.scan(block.subarray(0, bytesRead), bytes);
      bytes += bytesRead;
    }
    return { path, bytes, ...scanner.finish() };
  } catch (error) {
    throw describeFileError(error, path, "read");
  } finally {
    await file.close();
  }
}

/**
 * Parses a piece of a list, as `parsePythonJson` does.
 *
 * @throws UserError naming the element when it is not JSON or not UTF-8
 */
export async function readJsonPiece(path: string, piece: JsonPiece): Promise<unknown[]> {
  const bytes = await readRanges(path, [piece]);
  if (!isUtf8(bytes)) throw new UserError(`${path}: the text is not UTF-8 ${placeOf(piece)}; save the file as UTF-8`);
  return parseElements(bytes.toString("utf8"), path, piece);
}

function parseElements(text: string, path: string, piece: JsonPiece): unknown[] {
  try {
    return parsePythonJson(`[${text}]`) as unknown[];
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.replace(/ in JSON at position.*| \(line.*|, \.\.\..*/s, "") : error;
    throw new UserError(`${path}: not valid JSON ${placeOf(piece)}: ${reason}`);
  }
}

/**
 * A file's text with nothing in the named lists.
 *
 * @throws UserError when it is not UTF-8
 */
export async function readTextAround({ path, bytes, lists }: JsonOutline, names: readonly string[]): Promise<string> {
  const inside = names
    .map((name) => ({ start: lists.get(name)![0]!.start, end: lists.get(name)!.at(-1)!.end }))
    .sort((a, b) => a.start - b.start);
  const starts = [0, ...inside.map(({ end }) => end)];
  const ends = [...inside.map(({ start }) => start), bytes];
  const text = await readRanges(
    path,
    starts.map((start, i) => ({ start, end: ends[i]! })),
  );
  if (!isUtf8(text)) throw new UserError(`${path}: the text outside its lists is not UTF-8; save the file as UTF-8`);
  return text.toString("utf8");
}

/** Those bytes of a file, one range after the other. */
async function readRanges(path: string, ranges: readonly Pick<JsonPiece, "start" | "end">[]): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(ranges.reduce((sum, { start, end }) => sum + end - start, 0));
  const file = await openFile(path);
  try {
    let filled = 0;
    for (const { start, end } of ranges) {
      const { bytesRead } = await file.read(bytes, filled, end - start, start);
      if (bytesRead < end - start) throw new UserError(`${path}: the file became shorter while it was read`);
      filled += bytesRead;
    }
    return bytes;
  } catch (error) {
    throw describeFileError(error, path, "read");
  } finally {
    await file.close();
  }
}

const placeOf = ({ start, end, first }: JsonPiece): string => `in bytes ${start} to ${end} (from element ${first} on)`;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** 1 for the characters that have a meaning outside strings. */
const STRUCTURAL = new Uint8Array(256);
for (const c of [QUOTE, COLON, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT]) STRUCTURAL[c] = 1;

function nextStructural(block: Uint8Array, i: number): number {
  while (i < block.length && STRUCTURAL[block[i]!] === 0) i++;
  return i;
}

const SHORT = 32;

/** The position of the closing quote of a string that continues at `from`, or the block's length. */
function stringEnd(block: Buffer, from: number, escaped: boolean): number {
  for (let i = from; ; i++) {
    const near = Math.min(block.length, i + SHORT);
    while (i < near && block[i] !== QUOTE) i++;
    if (i === near) i = block.indexOf(QUOTE, i); // native, only worth the call for long strings
    if (i < 0 || i >= block.length) return block.length;
    if (!isEscaped(block, i, from, escaped)) return i;
  }
}

/**
 * Whether an odd number of backslashes precedes byte i.
 *
 * @param from where the string begins or continues from the block before
 * @param escaped whether its first character is escaped already
 */
function isEscaped(block: Buffer, i: number, from: number, escaped: boolean): boolean {
  let start = i;
  while (start > from && block[start - 1] === BACKSLASH) start--;
  const isFirstEscaped = escaped && start === from;
  return (i - start + (isFirstEscaped ? 1 : 0)) % 2 === 1;
}

/** Follows strings and brackets through the blocks of a file. */
function jsonScanner(path: string, pieceBytes: number) {
  const lists = new Map<string, JsonPiece[]>();
  let root: JsonOutline["root"] | undefined;
  let depth = 0;
  let inString = false;
  let escaped = false;
  let ended = false;
  let key: Buffer[] | undefined; // the bytes of a key of the root object, while it is read
  let name = "";
  let pieces: JsonPiece[] | undefined; // of the list that is being read
  let elementDepth = 0;
  let start = 0;
  let first = 0;
  let elements = 0;

  function enter(position: number, listName: string): void {
    pieces = [];
    lists.set(listName, pieces);
    elementDepth = depth;
    start = position + 1;
    first = elements = 0;
  }

  function cut(position: number): void {
    if (position - start > LONGEST_ELEMENT) {
      throw new UserError(
        `${path}: element ${first} of a list has more than ${LONGEST_ELEMENT} bytes, too many to read`,
      );
    }
    pieces?.push({ start, end: position, first });
    start = position + 1;
    first = elements;
  }

  function open(c: number, position: number): void {
    if (depth === 0) begin(c === OPEN_LIST ? "list" : "object");
    depth++;
    if (c !== OPEN_LIST || pieces !== undefined) return;
    if (root === "list" && depth === 1) enter(position, "");
    else if (root === "object" && depth === 2) enter(position, name);
  }

  function begin(kind: JsonOutline["root"]): void {
    if (ended) throw new UserError(`${path}: not valid JSON: text goes on after the end`);
    root = kind;
  }

  function close(position: number): void {
    if (pieces !== undefined && depth === elementDepth) {
      elements++;
      cut(position);
      pieces = undefined;
    }
    if (--depth === 0) ended = true;
    if (depth < 0) throw new UserError(`${path}: not valid JSON: a bracket at byte ${position} closes nothing`);
  }

  function comma(position: number): void {
    if (pieces === undefined || depth !== elementDepth) return;
    elements++;
    if (position - start >= pieceBytes) cut(position);
  }

  function structural(c: number, position: number): void {
    if (c === QUOTE) {
      inString = true;
      if (depth === 0) throw notJson(path);
      if (depth === 1 && root === "object") key = [];
    } else if (c === OPEN_LIST || c === OPEN_OBJECT) open(c, position);
    else if (c === CLOSE_LIST || c === CLOSE_OBJECT) close(position);
    else if (c === COMMA) comma(position);
    else if (depth === 1 && key !== undefined) name = keyText(key); // a colon
  }

  return {
    scan(block: Buffer, offset: number): void {
      let i = 0;
      while (i < block.length) {
        if (inString) {
          const from = i;
          i = stringEnd(block, i, escaped);
          if (key !== undefined && depth === 1) key.push(Buffer.from(block.subarray(from, i)));
          inString = i === block.length;
          escaped = inString && isEscaped(block, block.length, from, escaped);
          i++; // the closing quote
        } else if (depth > 0) {
          i = nextStructural(block, i);
          if (i < block.length) structural(block[i]!, offset + i);
          i++;
        } else {
          if (STRUCTURAL[block[i]!] === 1) structural(block[i]!, offset + i);
          else checkOutside(block, i, offset, ended, path);
          i++;
        }
      }
    },
    finish(): Pick<JsonOutline, "root" | "lists"> {
      if (root === undefined) throw notJson(path);
      if (!ended) throw new UserError(`${path}: not valid JSON: the file ends too early; is it complete?`);
      return { root, lists };
    },
  };
}

function keyText(bytes: readonly Buffer[]): string {
  const text = Buffer.concat(bytes).toString("utf8");
  try {
    return JSON.parse(`"${text}"`);
  } catch {
    return text;
  }
}

/** Outside the root value there may be white space, and before it a byte order mark. */
function checkOutside(block: Uint8Array, i: number, offset: number, ended: boolean, path: string): void {
  const c = block[i]!;
  if (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) return;
  if (offset === 0 && i < 3 && c === [0xef, 0xbb, 0xbf][i]) return;
  throw ended ? new UserError(`${path}: not valid JSON: text goes on after the end`) : notJson(path);
}

function notJson(path: string): UserError {
  return new UserError(`${path}: not valid JSON: the file must hold a list or an object, as UTF-8 text`);
}
