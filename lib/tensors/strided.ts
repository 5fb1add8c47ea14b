import { bytesOf, DTYPES, type Dtype, elementCount, type TensorData } from "./tensor.js";

/**
 * Where a tensor's elements are in a sequence of elements: PyTorch's storage offset, shape and strides, in elements.
 */
export interface Layout {
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** Elements from the first to the last one used, both included; 0 for an empty tensor. */
export function extentOf(shape: readonly number[], strides: readonly number[]): number {
  if (elementCount(shape) === 0) return 0;
  return shape.reduce((extent, size, i) => extent + (size - 1) * strides[i]!, 1);
}

/** Strides of C order (the last index fastest). */
export function rowMajor(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let step = 1;
  for (const size of shape.toReversed()) {
    strides.unshift(step);
    step *= Math.max(1, size);
  }
  return strides;
}

/** Whether the elements are contiguous in C order. */
export function isContiguous({ shape, strides }: Omit<Layout, "offset">): boolean {
  if (elementCount(shape) === 0) return true;
  const expected = rowMajor(shape);
  return shape.every((size, i) => size === 1 || strides[i] === expected[i]);
}

/** Fills `target` with the bytes of the sequence's elements from `start` on. */
export type ReadElements = (target: Uint8Array, start: number) => Promise<void>;

interface Axis {
  readonly size: number;
  /** Elements from one index to the next in the sequence, and in the tensor in C order. */
  readonly from: number;
  readonly to: number;
}

/** The axes that matter, in the order of the sequence's bytes. */
function axesOf(shape: readonly number[], strides: readonly number[]): Axis[] {
  const steps = rowMajor(shape);
  return shape
    .map((size, i) => ({ size, from: strides[i]!, to: steps[i]! }))
    .filter(({ size }) => size > 1)
    .sort((a, b) => b.from - a.from);
}

/** Like `readStrided`, for a sequence in memory. */
export function gatherStrided(dtype: Dtype, layout: Layout, row: TensorData, target: TensorData): void {
  const { shape, strides, offset } = layout;
  if (target.length === 0) return;
  const width = DTYPES[dtype].bytes;
  const source = elementsOf(width, bytesOf(row)).subarray(offset);
  const axes = axesOf(shape, strides);
  const single: Axis = { size: 1, from: 0, to: 0 };
  scatter(source, elementsOf(width, bytesOf(target)), axes.length > 0 ? axes : [single], 0);
}

/** Bytes of the sequence held at a time while elements are put in order. */
const WINDOW = 1 << 24;

/**
 * Reads a tensor of any strides into C order. The sequence is read in windows, in the order of its bytes, so that
 * besides the tensor only one window is in memory.
 */
export async function readStrided(dtype: Dtype, layout: Layout, target: TensorData, read: ReadElements): Promise<void> {
  const { shape, strides, offset } = layout;
  if (isContiguous(layout)) {
    if (target.length > 0) await read(bytesOf(target), offset);
    return;
  }
  const axes = axesOf(shape, strides);
  const width = DTYPES[dtype].bytes;
  const window = WINDOW / width;
  const whole = elementsOf(width, bytesOf(target));

  const extents = axes.map((_, i) =>
    extentOf(
      axes.slice(i).map(({ size }) => size),
      axes.slice(i).map(({ from }) => from),
    ),
  );
  extents.push(1);
  const copy = async (depth: number, from: number, to: number): Promise<void> => {
    const { size, from: step, to: toStep } = axes[depth]!;
    const inner = extents[depth + 1]!;
    const together = inner > window ? 0 : Math.floor((window - inner) / Math.max(1, step)) + 1;
    for (let i = 0; i < size; i += Math.max(1, together)) {
      if (together === 0) {
        await copy(depth + 1, from + i * step, to + i * toStep);
        continue;
      }
      const count = Math.min(together, size - i);
      const bytes = new Uint8Array(((count - 1) * step + inner) * width);
      await read(bytes, from + i * step);
      const part = [{ size: count, from: step, to: toStep }, ...axes.slice(depth + 1)];
      scatter(elementsOf(width, bytes), whole, part, to + i * toStep);
    }
  };
  await copy(0, offset, 0);
}

function elementsOf(width: number, bytes: Uint8Array): Uint8Array | Uint16Array | Uint32Array | BigUint64Array {
  const ArrayType = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array }[width]!;
  return new ArrayType(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / width);
}

function scatter<A extends { [index: number]: unknown }>(
  source: A,
  target: A,
  axes: readonly Axis[],
  start: number,
): void {
  const last = axes.length - 1;
  const walk = (depth: number, from: number, to: number): void => {
    const { size, from: step, to: toStep } = axes[depth]!;
    if (depth === last) {
      for (let i = 0; i < size; i++) target[to + i * toStep] = source[from + i * step];
    } else {
      for (let i = 0; i < size; i++) walk(depth + 1, from + i * step, to + i * toStep);
    }
  };
  walk(0, 0, start);
}
