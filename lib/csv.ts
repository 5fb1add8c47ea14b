import { parse } from "csv-parse/sync";

/** A row of a CSV file, blanks around its cells removed. */
export interface CsvRow {
  /** Its last line, counted from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** The rows of a CSV file, empty ones left out; they may differ in length. @throws the parser's Error where quotes do not match */
export function csvRows(text: string): CsvRow[] {
  const found: unknown = parse(text, {
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
  });
  return (found as { info: { lines: number }; record: string[] }[]).map(({ info, record }) => ({
    line: info.lines,
    cells: record,
  }));
}
