import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { UserError } from "../errors.js";

/** A memory of WebAssembly; `buffer` is another one after `grow`. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

// The types of this global come only with the whole browser's, which would let any file use `window` unnoticed.
declare const WebAssembly: {
  readonly Memory: new (options: { readonly initial: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly env: { readonly memory: WasmMemory } },
  ) => { readonly exports: Readonly<Record<string, (...numbers: number[]) => void>> };
};

const PAGE = 65536;

/** Loads a kernel from kernels/, compiled into `NAME.wasm` beside this file, with a memory of its own. */
export function loadKernel(name: string): { kernel: (...numbers: number[]) => void; memory: WasmMemory } {
  const path = fileURLToPath(new URL(`./${name}.wasm`, import.meta.url));
  if (!existsSync(path)) throw new UserError(`${path} is missing: run "npm run build", which compiles the kernels`);
  const memory = new WebAssembly.Memory({ initial: 16 });
  const module = new WebAssembly.Module(readFileSync(path));
  const kernel = new WebAssembly.Instance(module, { env: { memory } }).exports[name]!;
  return { kernel, memory };
}

/** Sees to it that the memory has at least `bytes`. */
export function reserve(memory: WasmMemory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
}
