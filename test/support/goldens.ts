import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { integers, uniform } from "../../tools/prng.js";

const SHARED = fileURLToPath(new URL("../../../../shared/", import.meta.url)); // from dist/test/support
const TREE = fileURLToPath(new URL("../../../test/goldens/", import.meta.url));

/** Reference values of a subject: small ones in this checkout, or large recordings beside it, under the same file names. */
export interface Golden {
  readonly json: <T>(file: string) => T;
  readonly array: (file: string) => GoldenArray;
}

/** An array of reference values, or a sample of one with its mean and root mean square. */
export interface GoldenArray {
  readonly shape: readonly number[];
  /** Where `data` is in the whole array; absent if it is whole. */
  readonly indices?: ArrayLike<number>;
  readonly data: ArrayLike<number>;
  /** What is known: the values, then the mean and the root mean square of a sampled array. */
  readonly expected: ArrayLike<number>;
  /** The same of a whole array of our own, to compare with `expected`. */
  readonly of: (actual: ArrayLike<number>) => ArrayLike<number>;
}

/** A place where a subject's reference values may be. */
export interface GoldenPlace {
  /** For the titles of tests. */
  readonly place: "small values in the tree" | "recordings in ../shared";
  /** Skips the running test with a message where the recordings are absent. */
  readonly open: (context: Mocha.Context) => Golden;
}

/** The small values of a subject, test/goldens/NAME.json, which bench/peers/fidelity.py writes. */
export function inTree(name: string): GoldenPlace {
  return { place: "small values in the tree", open: () => smallGolden(readJson(`${TREE}${name}.json`)) };
}

/** The large recordings of a subject. */
export function inShared(name: string): GoldenPlace {
  return { place: "recordings in ../shared", open: (context) => recordedGolden(requireGoldens(context, name)) };
}

/** Cases of the tree, and those of the recordings where there are recordings. */
export const withRecordings = <const A, const B>(small: readonly A[], recorded: readonly B[]): readonly (A | B)[] =>
  existsSync(`${SHARED}goldens`) ? [...small, ...recorded] : small;

/** The places of a subject's reference values: the tree, and where they are present the recordings. */
export const goldens = (name: string): readonly GoldenPlace[] => withRecordings([inTree(name)], [inShared(name)]);

/** As in the files that fidelity.py writes: a whole array, a sample of one, or one made by the generator. */
interface StoredArray {
  readonly shape: readonly number[];
  readonly values?: readonly number[];
  readonly mean?: number;
  readonly rms?: number;
  readonly uniform?: readonly [key: string, low: number, high: number];
}

function smallGolden(files: Readonly<Record<string, unknown>>): Golden {
  const stored = (file: string): unknown => {
    if (!(file in files)) throw new Error(`the golden has no ${file}, only ${Object.keys(files)}`);
    return files[file];
  };
  return {
    json: <T>(file: string) => stored(file) as T,
    array: (file) => smallArray(file, stored(file) as StoredArray),
  };
}

function smallArray(file: string, { shape, values = [], mean, rms, uniform: made }: StoredArray): GoldenArray {
  const size = shape.reduce((a, b) => a * b, 1);
  if (made !== undefined) return wholeArray(shape, uniform(made[0], size, made[1], made[2]));
  if (mean === undefined || rms === undefined) return wholeArray(shape, values);
  const indices = integers(`golden:${file}`, values.length, size);
  return {
    shape,
    indices,
    data: values,
    expected: [...values, mean, rms],
    of: (actual) => {
      if (actual.length !== size) throw new Error(`${file} has ${size} values, not ${actual.length}`);
      const picked = Array.from(indices, (i) => actual[i]!);
      return [...picked, total(actual, (x) => x) / size, Math.sqrt(total(actual, (x) => x * x) / size)];
    },
  };
}

const wholeArray = (shape: readonly number[], data: ArrayLike<number>): GoldenArray => ({
  shape,
  data,
  expected: data,
  of: (actual) => actual,
});

function total(values: ArrayLike<number>, term: (x: number) => number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += term(values[i]!);
  return sum;
}

/** The recordings in a folder. */
export function recordedGolden(folder: string): Golden {
  return {
    json: (file) => readJson(`${folder}/${file}`),
    array: (file) => {
      const { shape, data } = readNpy(`${folder}/${file}`);
      return wholeArray(shape, data);
    },
  };
}

/** A place of files that are themselves what is tested, such as checkpoints. */
export interface FilesPlace {
  readonly place: GoldenPlace["place"];
  /** The folder's path; skips the running test with a message where it is absent. */
  readonly folder: (context: Mocha.Context) => string;
}

/** The small files of test/goldens/NAME. */
export const filesInTree = (name: string): FilesPlace => ({
  place: "small values in the tree",
  folder: () => `${TREE}${name}`,
});

/** The recorded files. */
export const filesInShared = (name: string): FilesPlace => ({
  place: "recordings in ../shared",
  folder: (context) => requireGoldens(context, name),
});

export const goldenFiles = (name: string): readonly FilesPlace[] =>
  withRecordings([filesInTree(name)], [filesInShared(name)]);

/** The path of a golden folder, or undefined if there is none beside this checkout. */
export function goldenFolder(name: string): string | undefined {
  const folder = `${SHARED}goldens/${name}`;
  return existsSync(folder) ? folder : undefined;
}

/** The path of a golden folder; without it, skips the running test or suite with a message. */
export function requireGoldens(context: Mocha.Context, name: string): string {
  const folder = goldenFolder(name);
  if (folder === undefined) {
    console.warn(`      skipped: ../shared/goldens/${name} is not beside this checkout`);
    context.skip();
  }
  return folder;
}

/** The path of a data set in ../shared/data; without it, skips the running test. */
export function requireData(context: Mocha.Context, name: string): string {
  const folder = `${SHARED}data/${name}`;
  if (!existsSync(folder)) {
    console.warn(`      skipped: ../shared/data/${name} is not beside this checkout`);
    context.skip();
  }
  return folder;
}

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

export interface NpyArray<T extends ArrayLike<number> = ArrayLike<number>> {
  readonly shape: readonly number[];
  readonly data: T;
}

/** Reads a little-endian C-order NumPy file of float32, float64, int32 or uint8. */
export function readNpy(path: string): NpyArray<Float32Array | Float64Array | Int32Array | Uint8Array> {
  const bytes = readFileSync(path);
  const headerLength = bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", 10, 10 + headerLength);
  const descr = /'descr':\s*'([^']+)'/.exec(header)?.[1];
  const shape = (/'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? "")
    .split(",")
    .filter((s) => s.trim() !== "")
    .map(Number);
  const body = bytes.buffer.slice(bytes.byteOffset + 10 + headerLength, bytes.byteOffset + bytes.length);
  if (descr === "<f4") return { shape, data: new Float32Array(body) };
  if (descr === "<f8") return { shape, data: new Float64Array(body) };
  if (descr === "<i4") return { shape, data: new Int32Array(body) };
  if (descr === "|u1") return { shape, data: new Uint8Array(body) };
  throw new Error(`${path}: unsupported dtype ${descr}`);
}
