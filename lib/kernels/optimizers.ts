import { FIRST_BLOCK, loadKernels, partsIn, reserve } from "./load.js";

/** The constants of a pass of AdamW. */
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
 * Elements processed at a time. They are copied into the kernel's memory and back; arrays of this length stay in the
 * processor's second-level cache, so that the copies cost little more than reading the arrays.
 */
const CHUNK = 16384;
const LANES = 4;
const STATE = FIRST_BLOCK + 4 * CHUNK * 4; // after four blocks

export interface AdamWKernel {
  /** [length] in the kernel's own memory, so that they need no copies. */
  readonly mean: Float32Array;
  readonly square: Float32Array;
  /** Updates elements begin … end − 1 of the parameters, the mean and the square in place. */
  pass(parameters: Float32Array, gradients: Float32Array, begin: number, end: number, constants: AdamWConstants): void;
}

/** The kernel with its own memory for `length` elements. */
export function loadAdamW(length: number): AdamWKernel {
  const { kernels, memory } = loadKernels("optimizers");
  const square = STATE + wholeVectors(length);
  reserve(memory, square + wholeVectors(length));
  const floats = (address: number, count: number) => new Float32Array(memory.buffer, address, count);
  const blocks = [0, 1, 2, 3].map((i) => floats(FIRST_BLOCK + i * CHUNK * 4, CHUNK));
  const state = { mean: floats(STATE, length), square: floats(square, length) };

  const pass: AdamWKernel["pass"] = (parameters, gradients, begin, end, constants) => {
    const { keep, stepSize, correction, eps, beta1, beta2, gradientScale } = constants;
    const numbers = [keep, stepSize, correction, eps, 1 - beta1, beta2, 1 - beta2, gradientScale];
    const [p, g, m, v] = blocks as [Float32Array, Float32Array, Float32Array, Float32Array];
    const update = (from: number, to: number, mean: Float32Array, second: Float32Array) => {
      p.set(parameters.subarray(from, to));
      g.set(gradients.subarray(from, to));
      const addresses = [p, g, mean, second].map((array) => array.byteOffset);
      kernels.adamW(...addresses, wholeVectors(to - from), ...numbers);
      parameters.set(p.subarray(0, to - from), from);
    };
    const whole = end - ((end - begin) % LANES);
    for (let from = begin; from < whole; from += CHUNK) {
      const to = Math.min(whole, from + CHUNK);
      update(from, to, state.mean.subarray(from, to), state.square.subarray(from, to));
    }
    if (whole === end) return;
    // The last vector extends beyond the end, over another segment's state.
    m.set(state.mean.subarray(whole, end));
    v.set(state.square.subarray(whole, end));
    update(whole, end, m, v);
    state.mean.set(m.subarray(0, end - whole), whole);
    state.square.set(v.subarray(0, end - whole), whole);
  };
  return { ...state, pass };
}

let loaded: ReturnType<typeof loadSum> | undefined;

function loadSum() {
  const { kernels, memory } = loadKernels("optimizers");
  reserve(memory, FIRST_BLOCK + CHUNK * 4);
  return { kernel: kernels.sumOfSquares, block: new Float32Array(memory.buffer, FIRST_BLOCK, CHUNK) };
}

/** The sum of the squares of a flat array, in float64. */
export function sumOfSquares(values: Float32Array): number {
  const { kernel, block } = (loaded ??= loadSum());
  let sum = 0;
  for (const bytes of partsIn(block, values, LANES)) sum += kernel(block.byteOffset, bytes) ?? 0;
  return sum;
}

/** Whether none of the numbers is NaN or infinite: squares of float32 numbers cannot overflow a float64 sum. */
export function isFiniteThroughout(values: Float32Array): boolean {
  return Number.isFinite(sumOfSquares(values));
}

/** The bytes of the vectors that hold `count` float32. */
function wholeVectors(count: number): number {
  return Math.ceil(count / LANES) * LANES * 4;
}
