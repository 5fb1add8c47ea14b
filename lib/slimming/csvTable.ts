import { type CsvRow, csvRows } from "../csv.js";
import { UserError } from "../errors.js";
import { readTextFile } from "../files.js";
import type { PartCosts } from "./costs.js";
import { PART_KINDS, type Part, type PartKind, partName } from "./parts.js";

/** The columns of a table measured elsewhere, such as on a phone. */
export const CSV_COLUMNS = ["part", "stage", "from", "width", "ms"] as const;

/**
 * Reads latencies measured by other means: a header line, then one part per line. `part` is one of `PART_KINDS`; `stage` is
 * 1–4, empty for the stem and the head; `from` is the width of the previous stage, only for an embedding.
 *
 * @throws UserError naming the file and line of the fault
 */
export async function readCsvTable(path: string): Promise<PartCosts> {
  const rows = rowsOf(await readTextFile(path), path);
  const [head, ...lines] = rows;
  if (head === undefined || CSV_COLUMNS.some((name, i) => head.cells[i] !== name) || head.cells.length !== 5) {
    throw new UserError(`${path}:1: the first line must be ${CSV_COLUMNS.join(",")}`);
  }
  const costs = new Map<string, number>();
  for (const { line, cells } of lines) {
    const where = `${path}:${line}`;
    const name = partName(partOfRow(cells, where));
    if (costs.has(name)) throw new UserError(`${where}: ${name} is in the table twice`);
    costs.set(name, timeOf(cells[4], where));
  }
  return { kind: "latency", source: path, costs };
}

function rowsOf(text: string, path: string): CsvRow[] {
  try {
    return csvRows(text);
  } catch (error) {
    throw new UserError(`${path}: not a CSV file: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function partOfRow(cells: readonly string[], where: string): Part {
  const [kind = "", stage = "", from = "", width] = cells;
  if (cells.length !== CSV_COLUMNS.length) {
    throw new UserError(`${where}: ${cells.length} columns; expected ${CSV_COLUMNS.length}: ${CSV_COLUMNS.join(", ")}`);
  }
  if (!isKind(kind)) throw new UserError(`${where}: part "${kind}"; expected one of ${PART_KINDS.join(", ")}`);
  const channels = wholeOf(width, "width", where);
  if (kind === "stem" || kind === "head") {
    empty(stage, "stage", kind, where);
    empty(from, "from", kind, where);
    return { kind, width: channels };
  }
  const number = wholeOf(stage, "stage", where);
  if (number > 4) throw new UserError(`${where}: stage ${number}; there are stages 1 to 4`);
  if (kind === "embedding") return { kind, stage: number, from: wholeOf(from, "from", where), width: channels };
  empty(from, "from", kind, where);
  return { kind, stage: number, width: channels };
}

const isKind = (kind: string): kind is PartKind => PART_KINDS.some((name) => name === kind);

function wholeOf(text: string | undefined, column: string, where: string): number {
  const value = Number(text);
  if (text !== "" && Number.isSafeInteger(value) && value > 0) return value;
  throw new UserError(`${where}: ${column} "${text}"; expected a whole number above 0`);
}

function timeOf(text: string | undefined, where: string): number {
  const value = Number(text);
  if (text !== "" && Number.isFinite(value) && value > 0) return value;
  throw new UserError(`${where}: ms "${text}"; expected milliseconds, a number above 0`);
}

function empty(text: string, column: string, kind: string, where: string): void {
  if (text !== "") throw new UserError(`${where}: ${column} "${text}"; a ${kind} has none, so leave the column empty`);
}
