import { extname } from "node:path";
import { type CsvRow, csvRows } from "../csv.js";
import { UserError } from "../errors.js";
import { readTextFile } from "../files.js";
import { parseJson } from "../json.js";
import { counted } from "../words.js";
import { listImagesBelow } from "./folders.js";

/** An image, relative to the folder of images, and its class as the list names it. */
export interface LabelledFile {
  readonly file: string;
  readonly label: string;
}

/** Names of columns in a header line. */
const FILE_COLUMNS = ["file", "filename", "file_name", "image", "path"];
const LABEL_COLUMNS = ["label", "class", "class_name", "category"];

/**
 * Reads the class of each image:
 * - .csv: two columns, file and label, with or without a header line;
 * - .txt: a file and a label per line, separated by a space, as in ImageNet's val.txt; or only labels, one for each
 *   image of the folder in the order of the names, as in ImageNet's synset lists;
 * - .json: [{ "file": …, "label": … }, …] or { file: label, … }.
 *
 * @param root the folder of images
 * @throws UserError naming the line or entry that is invalid
 */
export async function readLabelList(path: string, root: string): Promise<LabelledFile[]> {
  const text = await readTextFile(path);
  switch (extname(path).toLowerCase()) {
    case ".json":
      return fromJson(text, path);
    case ".csv":
      return fromRows(rowsOf(text, path), path);
    case ".txt": {
      const lines = text.split(/\r?\n/).map((line) => line.trim());
      const rows = lines.flatMap((line, i) => (line === "" ? [] : [{ line: i + 1, cells: splitLine(line) }]));
      return rows.every(({ cells }) => cells.length === 1)
        ? inNameOrder(
            rows.map(({ cells: [label] }) => label!),
            path,
            root,
          )
        : fromRows(rows, path);
    }
    default:
      throw new UserError(`${path}: a list of labels is a .csv, .txt or .json file`);
  }
}

/** A list as CSV, which `readLabelList` reads back as the same list. Fields are quoted if necessary. */
export function labelListText(images: readonly LabelledFile[]): string {
  const cell = (text: string): string => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return ["file,label", ...images.map(({ file, label }) => `${cell(file)},${cell(label)}`), ""].join("\n");
}

/** The label follows the last space: file names may contain spaces. */
function splitLine(line: string): string[] {
  const at = Math.max(line.lastIndexOf(" "), line.lastIndexOf("\t"));
  return at < 0 ? [line] : [line.slice(0, at).trim(), line.slice(at + 1)];
}

function rowsOf(text: string, path: string): CsvRow[] {
  try {
    return csvRows(text);
  } catch (error) {
    throw new UserError(`${path}: not valid CSV: ${(error as Error).message}`);
  }
}

function fromRows(rows: readonly CsvRow[], path: string): LabelledFile[] {
  const names = rows[0]?.cells.map((cell) => cell.toLowerCase()) ?? [];
  const named = [FILE_COLUMNS, LABEL_COLUMNS].map((known) => names.findIndex((name) => known.includes(name)));
  const hasNames = named.every((column) => column >= 0);
  const [fileColumn, labelColumn] = hasNames ? (named as [number, number]) : [0, 1];
  return checked(
    rows.slice(hasNames ? 1 : 0).map(({ line, cells }) => {
      const [file, label] = [cells[fileColumn], cells[labelColumn]];
      if (!file || !label || (!hasNames && cells.length !== 2)) {
        throw new UserError(`${path}, line ${line}: expected a file and its label, found "${cells.join(",")}"`);
      }
      return { where: `line ${line}`, file, label };
    }),
    path,
  );
}

function fromJson(text: string, path: string): LabelledFile[] {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new UserError(`${path}: not valid JSON: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null) throw new UserError(`${path}: expected a list of files and labels`);
  const entries = Array.isArray(value)
    ? value.map((entry, i) => [`[${i}]`, entry?.file, entry?.label] as const)
    : Object.entries(value).map(([file, label]) => [JSON.stringify(file), file, label] as const);
  return checked(
    entries.map(([where, file, label]) => {
      const isLabel = typeof label === "string" || Number.isSafeInteger(label);
      if (typeof file !== "string" || file === "" || !isLabel || label === "") {
        throw new UserError(`${path}, ${where}: expected { "file": "a.jpg", "label": "name" }`);
      }
      return { where, file, label: String(label) };
    }),
    path,
  );
}

/** @throws UserError where a file is listed twice */
function checked(entries: readonly (LabelledFile & { readonly where: string })[], path: string): LabelledFile[] {
  const first = new Map<string, string>();
  return entries.map(({ where, file, label }) => {
    const before = first.get(file);
    if (before !== undefined) throw new UserError(`${path}, ${where}: ${file} is already listed in ${before}`);
    first.set(file, where);
    return { file, label };
  });
}

/** A list of labels only is for the images in the order of their names. */
async function inNameOrder(labels: readonly string[], path: string, root: string): Promise<LabelledFile[]> {
  const files = await listImagesBelow(root);
  if (files.length !== labels.length) {
    throw new UserError(
      `${path}: ${counted(labels.length, "label")} without file names, but ${root} holds ${counted(files.length, "image")}; ` +
        "write a file and a label per line, or give the folder that the list is for",
    );
  }
  return files.map((file, i) => ({ file, label: labels[i]! }));
}
