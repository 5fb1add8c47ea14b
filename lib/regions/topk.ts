const INDEX_BITS = 21;
const INDEX_RANGE = 2 ** INDEX_BITS;
const BIN_SHIFT = 16;

/**
 * Indices in descending order of values; equal values keep their order. NaN counts as smaller than every number.
 *
 * @param values at most 2²¹ of them
 */
export function sortDescending(values: Float32Array): Int32Array {
  return topK(values, values.length);
}

/**
 * Indices of the `k` largest values (all, if there are no more), largest first; equal values keep their order.
 *
 * A histogram of the upper 16 bits finds a bound below which no value can be among the k largest; what remains is
 * sorted as integers that hold the value's rank in their upper bits and the index in their lower ones.
 *
 * @param values at most 2²¹ of them; NaN counts as smaller than every number
 * @throws RangeError if there are more
 */
export function topK(values: Float32Array, k: number): Int32Array {
  if (values.length > INDEX_RANGE)
    throw new RangeError(`topK takes at most ${INDEX_RANGE} values, not ${values.length}`);
  const keys = fallingKeys(values);
  const { bin, count } = lastBin(keys, k);
  const packed = new Float64Array(count);
  for (let i = 0, kept = 0; kept < count; i++) {
    if (keys[i]! >>> BIN_SHIFT <= bin) packed[kept++] = keys[i]! * INDEX_RANGE + i;
  }
  return Int32Array.from(packed.sort().subarray(0, k), (key) => key % INDEX_RANGE);
}

/** Unsigned integers that decrease as the values increase: the bits of an IEEE number, adjusted for its sign. */
function fallingKeys(values: Float32Array): Uint32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const keys = new Uint32Array(values.length);
  for (let i = 0; i < keys.length; i++) {
    const b = bits[i]!;
    const magnitude = b & 0x7fffffff;
    if (magnitude > 0x7f800000)
      keys[i] = 0xffffffff; // NaN
    else keys[i] = b === magnitude || magnitude === 0 ? 0x7fffffff - magnitude : b; // −0 equals 0
  }
  return keys;
}

/**
 * The first bins that together hold `k` keys (or all there are): the last of them, and the number of keys they hold.
 */
function lastBin(keys: Uint32Array, k: number): { bin: number; count: number } {
  if (k >= keys.length) return { bin: 0xffff, count: keys.length };
  const histogram = new Uint32Array(0x10000);
  for (let i = 0; i < keys.length; i++) histogram[keys[i]! >>> BIN_SHIFT]!++;
  let bin = 0;
  let count = histogram[0]!;
  while (count < k) count += histogram[++bin]!;
  return { bin, count };
}
