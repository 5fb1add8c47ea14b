import { appendFileSync, existsSync } from "node:fs";
import { describeFileError, readBytesSync, writeFileAtomic } from "../files.js";

export interface JsonlLog {
  /** Appends one line; when it returns, the line is in the file. */
  write(record: Readonly<Record<string, unknown>>): void;
}

export interface JsonlOptions {
  /** Which lines of an existing file to keep, such as those up to the step a run is resumed from; default none. */
  readonly keep?: (record: Readonly<Record<string, unknown>>) => boolean;
}

/**
 * Opens a log of one JSON object per line. Of an existing file, `keep` selects the lines to keep; a half-written last
 * line is always dropped.
 */
export async function openJsonl(path: string, { keep }: JsonlOptions = {}): Promise<JsonlLog> {
  const kept = keep !== undefined && existsSync(path) ? linesOf(readBytesSync(path).toString("utf8"), keep) : [];
  await writeFileAtomic(path, kept.map((line) => `${line}\n`).join(""));
  return {
    write(record) {
      try {
        appendFileSync(path, `${JSON.stringify(record)}\n`);
      } catch (error) {
        throw describeFileError(error, path, "write");
      }
    },
  };
}

function linesOf(text: string, keep: NonNullable<JsonlOptions["keep"]>): string[] {
  return text.split("\n").filter((line) => {
    try {
      const record: unknown = JSON.parse(line);
      return typeof record === "object" && record !== null && keep({ ...record });
    } catch {
      return false; // the empty end of the file, or a line that a killed run did not finish
    }
  });
}
