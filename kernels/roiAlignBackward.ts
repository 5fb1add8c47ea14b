// AssemblyScript (a TypeScript dialect that compiles to WebAssembly), four float32 at a time. The inner loops of
// RoIAlign's gradient; lib/regions/roiAlignKernel.ts calls it and lib/regions/roiAlignTables.ts writes the tables.

/**
 * Adds the gradients of `count` RoIs of one feature map to its planes: plane += Aᵀ · G · B for every RoI and channel.
 *
 * All pointers are bytes. A record is 8 int32: where the RoI's gradient begins (from `gradient`), vectors across the
 * region, pointer to the column table, pointer to the row table, rows in that table, where the last vector begins
 * (bytes from the region's left edge; it may lie over the one before it, or begin left of the edge), where the region
 * begins (bytes from the plane), 0.
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

/**
 * spread[i][v] = Σ_t G[i][first + t] · weights[t] for each vector v of the region.
 *
 * The table has for each vector: first bin, bins, 0, 0, then four weights for each bin.
 */
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

/**
 * region[y] += weightA · spread[i] + weightB · spread[i + 1] for each entry of the row table.
 *
 * An entry is: where row y begins (bytes from the region), where spread[i] begins (bytes), weightA, weightB.
 */
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
