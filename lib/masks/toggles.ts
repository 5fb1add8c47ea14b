/** Spans of columns `first` … `end` − 1, in each of which a mask changes at one row. */
export interface ColumnSpans {
  readonly length: number;
  readonly firsts: ArrayLike<number>;
  readonly ends: ArrayLike<number>;
  /** The row from which on the mask is changed, 0 … height, of a span and a column in it. */
  rowOf(span: number, column: number): number;
}

/** How many changes spans make. */
export function countToggles({ length, firsts, ends }: Pick<ColumnSpans, "length" | "firsts" | "ends">): number {
  let count = 0;
  for (let i = 0; i < length; i++) count += Math.max(0, ends[i]! - firsts[i]!);
  return count;
}

/**
 * Run lengths of the mask, column by column, that changes at each of the spans' rows; zeros first. Changes are ordered
 * by counting how many each column has, and sorted within it.
 */
export function countsOfSpans(spans: ColumnSpans, height: number, width: number): Uint32Array {
  return countsBetween(togglesOf(spans, height), height * width);
}

/** Column-major positions where the mask changes, sorted. */
function togglesOf(spans: ColumnSpans, height: number): Uint32Array {
  const { length, firsts, ends } = spans;
  let [left, right] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < length; i++) {
    if (ends[i]! <= firsts[i]!) continue;
    left = Math.min(left, firsts[i]!);
    right = Math.max(right, ends[i]!);
  }
  if (right === 0) return new Uint32Array();
  const starts = startsOfColumns(spans, left, right);
  const toggles = new Uint32Array(starts[right - left]!);
  const next = starts.slice();
  for (let i = 0; i < length; i++) {
    const end = ends[i]!;
    for (let x = firsts[i]!; x < end; x++) toggles[next[x - left]!++] = x * height + spans.rowOf(i, x);
  }
  for (let c = 0; c < right - left; c++) sortPart(toggles, starts[c]!, starts[c + 1]!);
  return toggles;
}

/** [right − left + 1] where the changes of each column begin. */
function startsOfColumns({ length, firsts, ends }: ColumnSpans, left: number, right: number): Uint32Array {
  const steps = new Int32Array(right - left + 1);
  for (let i = 0; i < length; i++) {
    if (ends[i]! <= firsts[i]!) continue;
    steps[firsts[i]! - left]!++;
    steps[ends[i]! - left]!--;
  }
  const starts = new Uint32Array(right - left + 1);
  for (let c = 0, inColumn = 0; c < right - left; c++) {
    inColumn += steps[c]!;
    starts[c + 1] = starts[c]! + inColumn;
  }
  return starts;
}

/** Longer parts are sorted by the built-in sort. */
const SHORT = 16;

function sortPart(values: Uint32Array, from: number, to: number): void {
  if (to - from > SHORT) {
    values.subarray(from, to).sort();
    return;
  }
  for (let i = from + 1; i < to; i++) {
    const value = values[i]!;
    let j = i;
    for (; j > from && values[j - 1]! > value; j--) values[j] = values[j - 1]!;
    values[j] = value;
  }
}

/** Run lengths between sorted toggles; a run of length 0 joins its neighbours. */
function countsBetween(toggles: Uint32Array, pixels: number): Uint32Array {
  const counts = new Uint32Array(toggles.length + 1);
  const difference = (j: number) => (j < toggles.length ? toggles[j]! : pixels) - (j > 0 ? toggles[j - 1]! : 0);
  counts[0] = difference(0);
  let length = 1;
  for (let j = 1; j <= toggles.length; j++) {
    const count = difference(j);
    if (count > 0) counts[length++] = count;
    else if (++j <= toggles.length) counts[length - 1]! += difference(j);
  }
  return counts.slice(0, length);
}
