/** Rows of a run of a band matrix: enough for a product to be efficient, few enough for its columns to be few. */
const RUN = 128;

/** A matrix [rows, columns] whose rows have their non-zero numbers close together, cut into runs of rows. */
export interface Band {
  readonly runs: number;
  /** Rows of a run. */
  readonly length: number;
  /** Columns that a run's rows span. */
  readonly span: number;
  /** The first column of each run. */
  readonly starts: readonly number[];
  /** [runs, length, span] */
  readonly matrices: Float32Array;
}

/** Cuts a matrix [rows, columns], such as that of an interpolation, into runs of about 128 rows; one run has all columns. */
export function bandOf(matrix: Float32Array, rows: number, columns: number): Band {
  const length = runLength(rows);
  const runs = rows / length;
  if (runs === 1) return { runs, length, span: columns, starts: [0], matrices: matrix };
  const reach = Array.from({ length: runs }, (_, run) => reachOf(matrix, columns, run * length, (run + 1) * length));
  const span = Math.max(...reach.map(([first, last]) => last - first + 1));
  const starts = reach.map(([first]) => Math.min(first, columns - span));
  const matrices = new Float32Array(runs * length * span);
  for (let row = 0; row < rows; row++) {
    const start = row * columns + starts[Math.floor(row / length)]!;
    matrices.set(matrix.subarray(start, start + span), row * span);
  }
  return { runs, length, span, starts, matrices };
}

/** The divisor of `rows` closest to a run's length from below, unless that would make far too many runs. */
function runLength(rows: number): number {
  for (let n = Math.min(RUN, rows); 4 * n >= RUN; n--) if (rows % n === 0) return n;
  return rows;
}

/** The first and last column of some rows that is not zero. */
function reachOf(matrix: Float32Array, columns: number, from: number, to: number): [first: number, last: number] {
  let first = columns - 1;
  let last = 0;
  for (let i = from * columns; i < to * columns; i++) {
    if (matrix[i] === 0) continue;
    first = Math.min(first, i % columns);
    last = Math.max(last, i % columns);
  }
  return [first, last];
}
