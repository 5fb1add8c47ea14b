import { constantData, type Node, type Value } from "../../graph/index.js";

const isConstant = (value: Value) => constantData(value) !== undefined;

/**
 * Whether a node of a float16 model computes in float16: products with weights, and operators between them that work
 * element by element or move data. Everything else stays in float32: norms, softmax, pixel coordinates (boxes,
 * RoIAlign, suppression), scores and masks.
 *
 * @param isHalf of the node's inputs, which come before it
 */
export function computesInHalf({ operator, inputs }: Node, isHalf: (value: Value) => boolean): boolean {
  const floats = inputs.filter((input) => input.dtype === "float32");
  if (operator.half === "product") return floats.some((input) => isHalf(input) || isConstant(input));
  const varying = floats.filter((input) => !isConstant(input));
  return operator.half === "follows" && varying.length > 0 && varying.every(isHalf);
}

const LARGEST_HALF = 65504;
const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** The nearest float16 of each number as its bits, ties to even. @returns undefined if a number is too large for it */
export function toHalf(values: Float32Array): Uint16Array | undefined {
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i]!) > LARGEST_HALF) return undefined;
    bits[i] = halfBits(values[i]!);
  }
  return bits;
}

function halfBits(x: number): number {
  float[0] = x;
  const bits = word[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 127 + 15;
  if (exponent <= 0) return sign | roundedToEven(Math.abs(x) * 2 ** 24); // below the smallest normal number
  const fraction = bits & 0x7fffff;
  // A fraction that rounds up to 1 carries into the exponent, as it should.
  return sign | ((exponent << 10) + roundedToEven(fraction / 2 ** 13));
}

function roundedToEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}
