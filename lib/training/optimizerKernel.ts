import { loadKernels, reserve } from "../wasm.js";

/** What `adamWPass` is told besides the arrays. */
export interface AdamWConstants {
  /** 1 − lr · weight decay */
  readonly keep: number;
  /** lr / (1 − β₁ᵗ) */
  readonly stepSize: number;
  /** 1 / √(1 − β₂ᵗ) */
  readonly correction: number;
  readonly eps: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly gradientScale: number;
}

/**
 * Elements worked on at a time. They are copied into the kernel's memory and back; four arrays of so many stay in the
 * processor's second-level cache, so that the copies cost little more than reading the arrays would.
 */
const CHUNK = 16384;
const LANES = 4;
const FIRST_BLOCK = 65536; // bytes; below it the compiler may keep data of its own

let loaded: ReturnType<typeof load> | undefined;

function load() {
  const { kernels, memory } = loadKernels(new URL("./optimizers.wasm", import.meta.url));
  reserve(memory, FIRST_BLOCK + 4 * CHUNK * 4);
  const blocks = Array.from(
    { length: 4 },
    (_, i) => new Float32Array(memory.buffer, FIRST_BLOCK + i * CHUNK * 4, CHUNK),
  );
  return { adamW: kernels.adamW!, sumOfSquares: kernels.sumOfSquares!, blocks };
}

/** Updates elements begin … end − 1 of [parameters, gradients, mean, square] in place, but for the gradients. */
export function adamWPass(
  arrays: readonly [Float32Array, Float32Array, Float32Array, Float32Array],
  begin: number,
  end: number,
  { keep, stepSize, correction, eps, beta1, beta2, gradientScale }: AdamWConstants,
): void {
  const { adamW, blocks } = (loaded ??= load());
  const addresses = blocks.map((block) => block.byteOffset);
  const constants = [keep, stepSize, correction, eps, 1 - beta1, beta2, 1 - beta2, gradientScale];
  for (let from = begin; from < end; from += CHUNK) {
    const to = Math.min(end, from + CHUNK);
    for (const [i, array] of arrays.entries()) blocks[i]!.set(array.subarray(from, to));
    adamW(...addresses, wholeVectors(to - from), ...constants);
    for (const i of [0, 2, 3]) arrays[i]!.set(blocks[i]!.subarray(0, to - from), from);
  }
}

/** The sum of the squares of a flat array, in float64. */
export function sumOfSquares(values: Float32Array): number {
  const { sumOfSquares: kernel, blocks } = (loaded ??= load());
  const block = blocks[0]!;
  let sum = 0;
  for (let from = 0; from < values.length; from += CHUNK) {
    const part = values.subarray(from, from + CHUNK);
    block.set(part);
    block.fill(0, part.length, wholeVectors(part.length) / 4);
    sum += kernel(block.byteOffset, wholeVectors(part.length)) ?? 0;
  }
  return sum;
}

/** The bytes of the vectors that hold `count` float32. */
function wholeVectors(count: number): number {
  return Math.ceil(count / LANES) * LANES * 4;
}
