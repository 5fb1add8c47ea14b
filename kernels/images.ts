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
 * Rows of pixels to three planes of floats through a table of 256 values a channel; what lies right of the image
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

/** Every byte through a table of 256, in place. */
export function lookUp(data: usize, bytes: i32, table: usize): void {
  for (const end = data + (bytes as usize); data < end; data++) {
    store<u8>(data, load<u8>(table + (load<u8>(data) as usize)));
  }
}

/**
 * Every byte through a table of 256 i16, in place.
 *
 * @returns a negative number where an entry used was negative
 */
export function labels(data: usize, bytes: i32, table: usize): i32 {
  let signs: i32 = 0;
  for (const end = data + (bytes as usize); data < end; data++) {
    const label = load<i16>(table + ((load<u8>(data) as usize) << 1)) as i32;
    signs |= label;
    store<u8>(data, label);
  }
  return signs;
}

/**
 * Undoes the filters of a PNG's rows of one byte a pixel: 0 none, 1 left, 2 above, 3 their mean, 4 Paeth's choice.
 *
 * @param stored [height, 1 + width], each row's filter first
 * @param above the finished row above the first
 * @param out [height, width]
 * @returns whether all filters were known
 */
export function unfilter(stored: usize, width: i32, height: i32, above: usize, out: usize): bool {
  for (let y = 0; y < height; y++) {
    const filter = load<u8>(stored++);
    const end = out + (width as usize);
    if (filter === 0) memory.copy(out, stored, width);
    else if (filter === 1) addLeft(stored, out, end);
    else if (filter === 2) addAbove(stored, above, out, end);
    else if (filter === 3) addMean(stored, above, out, end);
    else if (filter === 4) addPaeth(stored, above, out, end);
    else return false;
    stored += width as usize;
    above = out;
    out = end;
  }
  return true;
}

function addLeft(row: usize, out: usize, end: usize): void {
  let left: i32 = 0;
  for (; out < end; out++, row++) {
    left = (left + (load<u8>(row) as i32)) & 255;
    store<u8>(out, left);
  }
}

// The row below is written after this one: what is written past its end does no harm.
function addAbove(row: usize, above: usize, out: usize, end: usize): void {
  for (; out < end; out += 16, row += 16, above += 16) {
    v128.store(out, i8x16.add(v128.load(row), v128.load(above)));
  }
}

function addMean(row: usize, above: usize, out: usize, end: usize): void {
  let left: i32 = 0;
  for (; out < end; out++, row++, above++) {
    left = ((load<u8>(row) as i32) + ((left + (load<u8>(above) as i32)) >> 1)) & 255;
    store<u8>(out, left);
  }
}

function addPaeth(row: usize, above: usize, out: usize, end: usize): void {
  let left: i32 = 0;
  let corner: i32 = 0;
  for (; out < end; out++, row++, above++) {
    const up = load<u8>(above) as i32;
    const a = abs(up - corner);
    const b = abs(left - corner);
    const c = abs(left + up - 2 * corner);
    const near = b <= c ? up : corner;
    left = ((load<u8>(row) as i32) + (a <= min(b, c) ? left : near)) & 255;
    store<u8>(out, left);
    corner = up;
  }
}

/**
 * Saturation and hue in the HSV hexcone, in place, four pixels at a time; the formulas are `changeHsv`'s in
 * lib/pixels/colour.ts.
 *
 * @param pixels raised to a multiple of 4
 * @param turn 0–6 sixths of the circle
 */
export function hsv(data: usize, pixels: i32, gain: f32, turn: f32): void {
  const gains = f32x4.splat(gain);
  const turns = f32x4.splat(turn);
  const zero = i32x4.splat(0);
  for (const end = data + (pixels as usize) * 3; data < end; data += 12) {
    const four = v128.load(data);
    const r = asFloats(v128.shuffle<u8>(four, zero, 0, 16, 16, 16, 3, 16, 16, 16, 6, 16, 16, 16, 9, 16, 16, 16));
    const g = asFloats(v128.shuffle<u8>(four, zero, 1, 16, 16, 16, 4, 16, 16, 16, 7, 16, 16, 16, 10, 16, 16, 16));
    const b = asFloats(v128.shuffle<u8>(four, zero, 2, 16, 16, 16, 5, 16, 16, 16, 8, 16, 16, 16, 11, 16, 16, 16));
    const value = f32x4.pmax(r, f32x4.pmax(g, b));
    const spread = f32x4.sub(value, f32x4.pmin(r, f32x4.pmin(g, b)));
    const isRed = f32x4.eq(value, r);
    const isGreen = f32x4.eq(value, g);
    const ahead = choose(isRed, f32x4.sub(g, b), choose(isGreen, f32x4.sub(b, r), f32x4.sub(r, g)));
    const wrapped = v128.and(f32x4.lt(g, b), f32x4.splat(6));
    const base = choose(isRed, wrapped, choose(isGreen, f32x4.splat(2), f32x4.splat(4)));
    const hue = f32x4.add(f32x4.div(ahead, f32x4.pmax(spread, f32x4.splat(1))), base);
    const sector = f32x4.add(hue, turns);
    const drop = f32x4.pmin(f32x4.mul(spread, gains), value);
    const red = channel(value, drop, f32x4.add(sector, f32x4.splat(5)));
    const green = channel(value, drop, f32x4.add(sector, f32x4.splat(3)));
    const blue = channel(value, drop, f32x4.add(sector, f32x4.splat(1)));
    const pair = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(red, green), i16x8.narrow_i32x4_s(blue, four));
    const out = v128.shuffle<u8>(pair, four, 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, 28, 29, 30, 31);
    v128.store(data, out);
  }
}

function asFloats(values: v128): v128 {
  return f32x4.convert_i32x4_s(values);
}

function choose(mask: v128, a: v128, b: v128): v128 {
  return v128.bitselect(a, b, mask);
}

/** value − drop × distance, the distance being 0 for a third of the circle, then ramps of a sixth, else 1. */
function channel(value: v128, drop: v128, angle: v128): v128 {
  const six = f32x4.splat(6);
  const once = f32x4.sub(angle, v128.and(f32x4.ge(angle, six), six));
  const k = f32x4.sub(once, v128.and(f32x4.ge(once, six), six));
  const ramp = f32x4.pmin(k, f32x4.sub(f32x4.splat(4), k));
  const distance = f32x4.pmax(f32x4.splat(0), f32x4.pmin(ramp, f32x4.splat(1)));
  const exact = f32x4.sub(value, f32x4.mul(drop, distance));
  return i32x4.trunc_sat_f32x4_s(f32x4.add(exact, f32x4.splat(0.5)));
}
