import type { GraphConstant } from "./emitter.js";

/**
 * How trained kernels are stored: float16 halves their size, uint8 quarters it. TF.js computes in float32 in any case.
 */
export const PRECISIONS = ["float32", "float16", "uint8"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** One weight as `weightsManifest` describes it. */
export interface WeightEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32" | "bool";
  readonly quantization?:
    | { readonly dtype: "float16"; readonly original_dtype: "float32" }
    | {
        readonly dtype: "uint8";
        readonly original_dtype: "float32";
        readonly min: number;
        readonly scale: number;
      };
}

export interface EncodedWeights {
  readonly entries: readonly WeightEntry[];
  readonly bytes: Uint8Array;
}

const DTYPES = { DT_FLOAT: "float32", DT_INT32: "int32", DT_BOOL: "bool" } as const;

/** All constants one after the other, little-endian, as TF.js reads them. */
export function encodeWeights(constants: readonly GraphConstant[], precision: Precision): EncodedWeights {
  const parts = constants.map((constant) => encode(constant, precision));
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.bytes.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part.bytes, at);
    at += part.bytes.length;
  }
  return { entries: parts.map(({ entry }) => entry), bytes };
}

interface Encoded {
  readonly entry: WeightEntry;
  readonly bytes: Uint8Array;
}

/**
 * Of the trained parameters only kernels are quantised: biases and scales are small, and special numbers in the graph,
 * such as an impossible score, may not fit.
 */
function encode({ name, shape, type, data, parameter }: GraphConstant, precision: Precision): Encoded {
  const entry = { name, shape, dtype: DTYPES[type] };
  const kernel = parameter !== undefined && shape.length >= 2 && data instanceof Float32Array;
  if (!kernel || precision === "float32") {
    return { entry, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  }
  if (precision === "float16") {
    const halves = Uint16Array.from(data, halfBits);
    const quantization = { dtype: "float16", original_dtype: "float32" } as const;
    return { entry: { ...entry, quantization }, bytes: new Uint8Array(halves.buffer) };
  }
  const { min, scale, bytes } = affine(data);
  return { entry: { ...entry, quantization: { dtype: "uint8", original_dtype: "float32", min, scale } }, bytes };
}

/** Numbers as min + scale · byte, chosen so that 0 is exact. */
function affine(data: Float32Array): { readonly min: number; readonly scale: number; readonly bytes: Uint8Array } {
  let [low, high] = [0, 0];
  for (const x of data) {
    if (x < low) low = x;
    if (x > high) high = x;
  }
  const scale = high === low ? 1 : (high - low) / 255;
  const zero = Math.round(-low / scale);
  const bytes = Uint8Array.from(data, (x) => Math.min(255, Math.max(0, Math.round(x / scale) + zero)));
  return { min: -zero * scale, scale, bytes };
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The bits of the nearest half-precision number, ties to even; numbers that are too large become infinite. */
export function halfBits(x: number): number {
  float[0] = x;
  const all = bits[0]!;
  const sign = (all >>> 16) & 0x8000;
  const exponent = ((all >>> 23) & 0xff) - 127;
  const mantissa = all & 0x7fffff;
  if (exponent === 128) return sign | 0x7c00 | (mantissa === 0 ? 0 : 0x200);
  if (exponent < -25) return sign;
  // Below 2^-14 the numbers are subnormal: multiples of 2^-24.
  const shift = exponent < -14 ? -exponent - 1 : 13;
  const whole = exponent < -14 ? mantissa | 0x800000 : mantissa | ((exponent + 15) << 23);
  const floor = whole >>> shift;
  const rest = whole & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  const rounded = rest > half || (rest === half && (floor & 1) === 1) ? floor + 1 : floor;
  return sign | Math.min(rounded, 0x7c00);
}
