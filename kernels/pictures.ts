// AssemblyScript (a TypeScript dialect that compiles to WebAssembly): the loops over pixels of lib/images, on rows of
// 8-bit RGB. All pointers are bytes. Up to 16 bytes past the end of every block are read and written.

/** i32 per output column: left pixel's bytes from the row's start, right pixel's, both weights of 2048 as i16. */
const COLUMN = 12;
/** i32 per output row: upper source row, lower source row, the lower one's weight of 2048. */
const ROW = 12;

/**
 * Bilinear resizing of a band: each source row is stretched once, when the first output row needs it. With 11 bits
 * of weight a direction sums stay whole, so there is one rounding, and the order of the directions makes no difference.
 *
 * @param source row 0 of `rows` lies here, `sourceStride` bytes to the next
 * @param first a buffer of width × 12 bytes, as is `second`
 */
export function bilinear(
  source: usize,
  sourceStride: usize,
  columns: usize,
  width: i32,
  rows: usize,
  height: i32,
  out: usize,
  first: usize,
  second: usize,
): void {
  const stride = (width as usize) * 3;
  let upper = first;
  let lower = second;
  let upperRow: i32 = -1;
  let lowerRow: i32 = -1;
  for (let y = 0; y < height; y++, rows += ROW, out += stride) {
    const top = load<i32>(rows);
    const bottom = load<i32>(rows, 4);
    if (top === lowerRow) {
      const buffer = upper;
      upper = lower;
      lower = buffer;
      lowerRow = upperRow;
      upperRow = top;
    }
    if (top !== upperRow) stretch(source + (top as usize) * sourceStride, columns, width, upper);
    if (bottom !== lowerRow) stretch(source + (bottom as usize) * sourceStride, columns, width, lower);
    upperRow = top;
    lowerRow = bottom;
    mix(upper, lower, load<i32>(rows, 8), out, stride);
  }
}

function stretch(row: usize, columns: usize, width: i32, out: usize): void {
  for (let x = 0; x < width; x++, columns += COLUMN, out += 12) {
    const left = v128.load32_zero(row + (load<i32>(columns) as usize));
    const right = v128.load32_zero(row + (load<i32>(columns, 4) as usize));
    const pairs = v128.shuffle<u8>(left, right, 0, 16, 1, 17, 2, 18, 3, 19, 0, 16, 1, 17, 2, 18, 3, 19);
    const wide = i16x8.extend_low_i8x16_u(pairs);
    v128.store(out, i32x4.dot_i16x8_s(wide, v128.load32_splat(columns, 8)));
  }
}

function mix(upper: usize, lower: usize, weight: i32, out: usize, stride: usize): void {
  const below = i32x4.splat(weight);
  const above = i32x4.splat(2048 - weight);
  for (let i: usize = 0; i < stride; i += 16, upper += 64, lower += 64) {
    const a = mixFour(v128.load(upper), v128.load(lower), above, below);
    const b = mixFour(v128.load(upper, 16), v128.load(lower, 16), above, below);
    const c = mixFour(v128.load(upper, 32), v128.load(lower, 32), above, below);
    const d = mixFour(v128.load(upper, 48), v128.load(lower, 48), above, below);
    v128.store(out + i, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
  }
}

function mixFour(upper: v128, lower: v128, above: v128, below: v128): v128 {
  const sum = i32x4.add(i32x4.mul(upper, above), i32x4.mul(lower, below));
  return i32x4.shr_s(i32x4.add(sum, i32x4.splat(1 << 21)), 22);
}

/** Mirrors rows left to right, five pixels at a time. */
export function flip(source: usize, width: i32, height: i32, out: usize): void {
  const order = i8x16(12, 13, 14, 9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2, 16);
  const stride = (width as usize) * 3;
  for (let y = 0; y < height; y++, source += stride, out += stride) {
    let x = 0;
    for (; x + 5 <= width; x += 5) {
      const five = v128.load(source + ((width - 5 - x) as usize) * 3);
      v128.store(out + (x as usize) * 3, v128.swizzle(five, order));
    }
    for (; x < width; x++) {
      const from = source + ((width - 1 - x) as usize) * 3;
      const to = out + (x as usize) * 3;
      store<u8>(to, load<u8>(from));
      store<u8>(to, load<u8>(from, 1), 1);
      store<u8>(to, load<u8>(from, 2), 2);
    }
  }
}

/**
 * Rows of pixels to three planes of floats through a table of 256 values a channel; what lies right of the picture
 * becomes 0.
 *
 * @param out [3, height, paddedWidth]
 */
export function normalise(source: usize, width: i32, height: i32, tables: usize, out: usize, paddedWidth: i32): void {
  const plane = (height as usize) * (paddedWidth as usize) * 4;
  const rest = ((paddedWidth - width) as usize) * 4;
  for (let y = 0; y < height; y++) {
    const end = source + (width as usize) * 3;
    for (; source < end; source += 3, out += 4) {
      store<f32>(out, load<f32>(tables + ((load<u8>(source) as usize) << 2)));
      store<f32>(out + plane, load<f32>(tables + ((load<u8>(source, 1) as usize) << 2), 1024));
      store<f32>(out + 2 * plane, load<f32>(tables + ((load<u8>(source, 2) as usize) << 2), 2048));
    }
    memory.fill(out, 0, rest);
    memory.fill(out + plane, 0, rest);
    memory.fill(out + 2 * plane, 0, rest);
    out += rest;
  }
}
