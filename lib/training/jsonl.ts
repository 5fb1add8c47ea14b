import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { describeFileError, writeFileAtomic } from "../files.js";

export interface JsonlLog {
  /** Appends one line; when it returns, the line is in the file. */
  write(record: Readonly<Record<string, unknown>>): void;
}

/**
 * Opens a log of one JSON object a line. With `keepSteps`, lines of later steps and a last half-written line are taken
 * out of an existing file first, so that a resumed run does not repeat itself; without it the file starts empty.
 */
export async function openJsonl(path: string, options: { readonly keepSteps?: number } = {}): Promise<JsonlLog> {
  const { keepSteps } = options;
  const kept = keepSteps !== undefined && existsSync(path) ? linesUntil(readFileSync(path, "utf8"), keepSteps) : [];
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

function linesUntil(text: string, step: number): string[] {
  return text.split("\n").filter((line) => {
    try {
      const record: unknown = JSON.parse(line);
      const own = typeof record === "object" && record !== null && "step" in record ? record.step : 0;
      return typeof own === "number" && own <= step;
    } catch {
      return false; // the empty end of the file, or a line a killed run did not finish
    }
  });
}
