const INDEX_BITS = 21;
const INDEX_RANGE = 2 ** INDEX_BITS;
const BIN_SHIFT = 16;

/**
 * Indices in the order of falling values; equal values keep their order. NaN counts as smaller than every number.
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
  const falling = fallingKeys(values);
  const lastBin = k >= values.length ? 0xffff : binOfKth(falling, k);
  let kept = 0;
  const packed = new Float64Array(values.length);
  for (let i = 0; i < falling.length; i++) {
    if (falling[i]! >>> BIN_SHIFT <= lastBin) packed[kept++] = falling[i]! * INDEX_RANGE + i;
  }
  const sorted = packed.subarray(0, kept).sort();
  return Int32Array.from(sorted.subarray(0, k), (key) => key % INDEX_RANGE);
}

/** Unsigned integers that fall as the values rise: the bits of an IEEE number, its sign seen to. */
function fallingKeys(values: Float32Array): Uint32Array {
  const keys = new Uint32Array(values.length);
  keys.set(new Uint32Array(values.buffer, values.byteOffset, values.length));
  for (let i = 0; i < keys.length; i++) {
    const bits = keys[i]!;
    if (Number.isNaN(values[i]!)) keys[i] = 0xffffffff;
    else if (bits === 0x80000000)
      keys[i] = 0x7fffffff; // −0 equals 0
    else keys[i] = bits >>> 31 === 1 ? bits : ~bits & 0x7fffffff;
  }
  return keys;
}

function binOfKth(keys: Uint32Array, k: number): number {
  const histogram = new Uint32Array(0x10000);
  for (const key of keys) histogram[key >>> BIN_SHIFT]!++;
  let bin = 0;
  for (let seen = histogram[0]!; seen < k; seen += histogram[bin]!) bin++;
  return bin;
}
