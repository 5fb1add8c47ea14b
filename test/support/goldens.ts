import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SHARED = fileURLToPath(new URL("../../../../shared/", import.meta.url)); // from dist/test/support

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
