import { COMPILED } from "./compiled.js";

/** A WebAssembly memory; `grow` replaces `buffer`. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** Takes numbers and byte addresses; returns nothing, a number, or a boolean as 0 or 1. */
type Kernel = (...numbers: number[]) => number | undefined;

// The types of this global only come with those of the whole browser, with which any file could use `window` unnoticed.
declare const WebAssembly: {
  readonly Memory: new (options: { readonly initial: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly env: { readonly memory: WasmMemory } },
  ) => { readonly exports: Readonly<Record<string, Kernel>> };
};

const PAGE = 65536;

/** The modules of kernels/ and the functions of each. */
export const MODULES = {
  optimizers: ["adamW", "sumOfSquares"],
  images: ["bilinear", "flip", "normalise", "lookUp", "labels", "unfilter", "hsv"],
  roiAlign: ["roiAlign", "roiAlignBackward"],
} as const;

type Kernels<Name extends keyof typeof MODULES> = Readonly<Record<(typeof MODULES)[Name][number], Kernel>>;

/**
 * Loads a module of kernels/ with its own memory. Synchronous: each is below the 4 KB up to which browsers allow that.
 */
export function loadKernels<Name extends keyof typeof MODULES>(
  name: Name,
): { readonly kernels: Kernels<Name>; readonly memory: WasmMemory } {
  const memory = new WebAssembly.Memory({ initial: 16 });
  const module = new WebAssembly.Module(bytesOf(COMPILED[name].wasm));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return { kernels: exports as Kernels<Name>, memory };
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** Makes sure that the memory has at least `bytes`. */
export function reserve(memory: WasmMemory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
}

/** Byte address of the first block of a kernel's memory; below it the compiler may keep its own data. */
export const FIRST_BLOCK = 65536;

/**
 * Copies an array into a block of a kernel's memory, as much at a time as fits, padded with zeros to whole steps.
 *
 * @param step how many numbers the kernel takes at a time; the block's length is a multiple of it
 * @returns for each part the bytes in the block
 */
export function* partsIn(block: Float32Array, values: Float32Array, step: number): Generator<number> {
  for (let from = 0; from < values.length; from += block.length) {
    const part = values.subarray(from, from + block.length);
    const whole = Math.ceil(part.length / step) * step;
    block.set(part);
    block.fill(0, part.length, whole);
    yield whole * 4;
  }
}
