import { loadKernels, reserve } from "../wasm.js";

/** Numbers copied into the kernel's memory at a time; they stay in the processor's second-level cache. */
const CHUNK = 65536;
const STEP = 16;
const FIRST_BLOCK = 65536; // bytes; below it the compiler may keep data of its own

let loaded: ReturnType<typeof load> | undefined;

function load() {
  const { kernels, memory } = loadKernels(new URL("./finite.wasm", import.meta.url));
  reserve(memory, FIRST_BLOCK + CHUNK * 4);
  return { kernel: kernels.isFiniteThroughout!, block: new Float32Array(memory.buffer, FIRST_BLOCK, CHUNK) };
}

/** Whether none of the numbers is NaN or infinite. In JavaScript this would take as long as reading them from a file. */
export function isFiniteThroughout(values: Float32Array): boolean {
  const { kernel, block } = (loaded ??= load());
  for (let from = 0; from < values.length; from += CHUNK) {
    const part = values.subarray(from, from + CHUNK);
    const whole = Math.ceil(part.length / STEP) * STEP;
    block.set(part);
    block.fill(0, part.length, whole);
    if (kernel(block.byteOffset, whole * 4) === 0) return false;
  }
  return true;
}
