import { isUtf8 } from "node:buffer";
import { appendFileSync, existsSync } from "node:fs";
import { describeFileError, readBytesSync, writeFileAtomic } from "../files.js";
import { counted } from "../words.js";

export interface JsonlLog {
  /** What was damaged in a file that was there, for the user. */
  readonly remarks: readonly string[];
  /** Appends one line; when it returns, the line is in the file. */
  write(record: Readonly<Record<string, unknown>>): void;
}

export interface JsonlOptions {
  /** Which lines of an existing file to keep, such as those up to the step a run is resumed from; default none. */
  readonly keep?: (record: Readonly<Record<string, unknown>>) => boolean;
}

/**
 * Opens a log of one JSON object a line. Of an existing file what `keep` says stays; lines that are no object never do, such as a
 * last one half written, and a remark says so.
 */
export async function openJsonl(path: string, { keep }: JsonlOptions = {}): Promise<JsonlLog> {
  const found = keep !== undefined && existsSync(path) ? linesOf(readBytesSync(path), keep) : undefined;
  const { kept = [], damaged = [] } = found ?? {};
  await writeFileAtomic(path, kept.map((line) => `${line}\n`).join(""));
  return {
    remarks: damaged.length === 0 ? [] : [describeDamage(path, damaged)],
    write(record) {
      try {
        appendFileSync(path, `${JSON.stringify(record)}\n`);
      } catch (error) {
        throw describeFileError(error, path, "write");
      }
    },
  };
}

interface Lines {
  readonly kept: readonly string[];
  /** Numbers of lines that are no objects. */
  readonly damaged: readonly number[];
}

function linesOf(bytes: Uint8Array, keep: NonNullable<JsonlOptions["keep"]>): Lines {
  const kept: string[] = [];
  const damaged: number[] = [];
  const lines = new TextDecoder().decode(bytes).split("\n");
  const isText = isUtf8(bytes);
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const record = !isText && line.includes(NOT_UTF8) ? undefined : objectOf(line);
    if (record === undefined) damaged.push(i + 1);
    else if (keep(record)) kept.push(line);
  }
  return { kept, damaged };
}

/** What decoding leaves where bytes are no UTF-8. */
const NOT_UTF8 = "\ufffd";

function objectOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const record: unknown = JSON.parse(line);
    return typeof record === "object" && record !== null ? { ...record } : undefined;
  } catch {
    return undefined;
  }
}

function describeDamage(path: string, [first, ...others]: readonly number[]): string {
  const which = others.length === 0 ? `line ${first}` : `line ${first} and ${counted(others.length, "other line")}`;
  const verb = others.length === 0 ? "is" : "are";
  return `${path}: ${which} ${verb} damaged and left out; a run that is killed may leave its last line half written`;
}
