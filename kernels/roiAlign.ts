// AssemblyScript (a TypeScript dialect that compiles to WebAssembly), four float32 at a time. The inner loops of RoIAlign
// and its gradient; lib/regions/roiAlignKernel.ts calls them and lib/regions/roiAlignTables.ts writes the tables.
//
// All pointers are bytes. A record of a RoI is 8 int32: where its pooled values or their gradient begin (from `pooled`),
// vectors across the region, pointer to the column table, pointer to the row table, rows in that table, where the last
// vector begins (bytes from the region's left edge; it may lie over the one before it, or begin left of the edge),
// where the region begins (bytes from the plane), 0.
//
// The column table has for each vector of the region: first bin, bins, 0, 0, then four weights for each bin. An entry of
// the row table is: where row y begins (bytes from the region), where row i of bins begins in `spread` (bytes), the
// weights of y in rows i and i + 1 of bins.

/**
 * Pools `count` RoIs of one feature map: A · plane · Bᵀ for every RoI and channel.
 *
 * @param planes [channels, height, width], `planeBytes` apart
 * @param pooled [count, channels, binRows, binColumns], as far as the records say so, and 12 bytes more
 * @param spread room for (binRows + 1) rows of vectors, A · plane
 * @param bins room for binColumns vectors, raised to a multiple of 4
 */
export function roiAlign(
  records: usize,
  count: i32,
  pooled: usize,
  planes: usize,
  channels: i32,
  planeBytes: usize,
  binRows: i32,
  binColumns: i32,
  spread: usize,
  bins: usize,
): void {
  for (let r = 0; r < count; r++, records += 32) {
    const vectors = load<i32>(records, 4);
    const rowBytes = (vectors as usize) * 16;
    const lastVector = load<i32>(records, 20) as usize;
    let out = pooled + (load<i32>(records) as usize);
    let region = planes + (load<i32>(records, 24) as usize);
    for (let c = 0; c < channels; c++) {
      memory.fill(spread, 0, ((binRows + 1) as usize) * rowBytes);
      poolRows(load<i32>(records, 12) as usize, load<i32>(records, 16), spread, rowBytes, region, lastVector);
      for (let i = 0; i < binRows; i++) {
        poolColumns(load<i32>(records, 8) as usize, vectors, binColumns, spread + (i as usize) * rowBytes, bins, out);
        out += (binColumns as usize) * 4;
      }
      region += planeBytes;
    }
  }
}

/** spread[i] += weightA · region[y], spread[i + 1] += weightB · region[y] for each entry of the row table. */
function poolRows(table: usize, entries: i32, spread: usize, rowBytes: usize, region: usize, lastVector: usize): void {
  for (let e = 0; e < entries; e++, table += 16) {
    const row = region + (load<i32>(table) as usize);
    const weightA = v128.load32_splat(table, 8);
    const weightB = v128.load32_splat(table, 12);
    let to = spread + (load<i32>(table, 4) as usize);
    const last = to + rowBytes - 16;
    for (let from = row; to < last; from += 16, to += 16) poolVector(to, from, rowBytes, weightA, weightB);
    poolVector(last, row + lastVector, rowBytes, weightA, weightB);
  }
}

function poolVector(to: usize, from: usize, rowBytes: usize, weightA: v128, weightB: v128): void {
  const x = v128.load(from);
  v128.store(to, f32x4.add(v128.load(to), f32x4.mul(weightA, x)));
  v128.store(to + rowBytes, f32x4.add(v128.load(to + rowBytes), f32x4.mul(weightB, x)));
}

/** out[j] = Σ over the row of weight · value for each bin j; writes a multiple of four bins. */
function poolColumns(table: usize, vectors: i32, binColumns: i32, row: usize, bins: usize, out: usize): void {
  memory.fill(bins, 0, (((binColumns + 3) & ~3) as usize) * 16);
  for (let v = 0; v < vectors; v++, row += 16) {
    const x = v128.load(row);
    const count = load<i32>(table, 4) as usize;
    let bin = bins + (load<i32>(table) as usize) * 16;
    table += 16;
    for (const end = table + count * 16; table < end; table += 16, bin += 16) {
      v128.store(bin, f32x4.add(v128.load(bin), f32x4.mul(x, v128.load(table))));
    }
  }
  for (let j = 0; j < binColumns; j += 4, bins += 64, out += 16) {
    const low = addHalves(v128.load(bins), v128.load(bins, 16));
    const high = addHalves(v128.load(bins, 32), v128.load(bins, 48));
    const even = v128.shuffle<f32>(low, high, 0, 2, 4, 6);
    v128.store(out, f32x4.add(even, v128.shuffle<f32>(low, high, 1, 3, 5, 7)));
  }
}

/** [a0 + a2, a1 + a3, b0 + b2, b1 + b3] */
function addHalves(a: v128, b: v128): v128 {
  return f32x4.add(v128.shuffle<f32>(a, b, 0, 1, 4, 5), v128.shuffle<f32>(a, b, 2, 3, 6, 7));
}

/**
 * Adds the gradients of `count` RoIs of one feature map to its planes: plane += Aᵀ · G · B for every RoI and channel.
 *
 * @param gradient [count, channels, binRows, binColumns], as far as the records say so
 * @param planes [channels, height, width], `planeBytes` apart
 * @param spread room for (binRows + 1) rows of vectors, G · B
 */
export function roiAlignBackward(
  records: usize,
  count: i32,
  gradient: usize,
  planes: usize,
  channels: i32,
  planeBytes: usize,
  binRows: i32,
  binColumns: i32,
  spread: usize,
): void {
  for (let r = 0; r < count; r++, records += 32) {
    const vectors = load<i32>(records, 4);
    const rowBytes = (vectors as usize) * 16;
    let g = gradient + (load<i32>(records) as usize);
    let region = planes + (load<i32>(records, 24) as usize);
    memory.fill(spread + (binRows as usize) * rowBytes, 0, rowBytes); // the partner of the last row of bins
    for (let c = 0; c < channels; c++) {
      spreadColumns(g, load<i32>(records, 8) as usize, vectors, binRows, binColumns, spread);
      addRows(
        load<i32>(records, 12) as usize,
        load<i32>(records, 16),
        spread,
        rowBytes,
        region,
        load<i32>(records, 20) as usize,
      );
      g += ((binRows * binColumns) as usize) * 4;
      region += planeBytes;
    }
  }
}

/** spread[i][v] = Σ_t G[i][first + t] · weights[t] for each vector v of the region. */
function spreadColumns(g: usize, table: usize, vectors: i32, binRows: i32, binColumns: i32, spread: usize): void {
  for (let v = 0; v < vectors; v++) {
    const bins = load<i32>(table, 4);
    let from = g + (load<i32>(table) as usize) * 4;
    let to = spread + (v as usize) * 16;
    table += 16;
    for (let i = 0; i < binRows; i++) {
      let sum = f32x4.mul(v128.load32_splat(from), v128.load(table));
      for (let t: usize = 1; t < (bins as usize); t++) {
        sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(from + t * 4), v128.load(table + t * 16)));
      }
      v128.store(to, sum);
      from += (binColumns as usize) * 4;
      to += (vectors as usize) * 16;
    }
    table += (bins as usize) * 16;
  }
}

/** region[y] += weightA · spread[i] + weightB · spread[i + 1] for each entry of the row table. */
function addRows(table: usize, entries: i32, spread: usize, rowBytes: usize, region: usize, lastVector: usize): void {
  for (let e = 0; e < entries; e++, table += 16) {
    const row = region + (load<i32>(table) as usize);
    const weightA = v128.load32_splat(table, 8);
    const weightB = v128.load32_splat(table, 12);
    let from = spread + (load<i32>(table, 4) as usize);
    const last = from + rowBytes - 16;
    for (let to = row; from < last; from += 16, to += 16) addVector(to, from, rowBytes, weightA, weightB);
    addVector(row + lastVector, last, rowBytes, weightA, weightB);
  }
}

function addVector(to: usize, from: usize, rowBytes: usize, weightA: v128, weightB: v128): void {
  const sum = f32x4.add(f32x4.mul(weightA, v128.load(from)), f32x4.mul(weightB, v128.load(from + rowBytes)));
  v128.store(to, f32x4.add(v128.load(to), sum));
}
