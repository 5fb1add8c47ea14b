import { UserError } from "../errors.js";
import { countsOfSpans, countToggles } from "./toggles.js";
import type { Rle } from "./types.js";
import { COST, UNCOUNTED } from "./work.js";

/** A window of an image, which may extend beyond it. */
export interface MaskWindow {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The mask of an image of height × width, given by run lengths of a window row by row, zeros first, as CVAT writes
 * them. No pixels are made: the mask changes in the columns where a row differs from the one above.
 *
 * @param counts whole numbers from 0 on
 * @param where names the mask in error messages
 * @throws UserError when the run lengths do not fill the window, or it is too much work
 */
export function rleFromRows(
  counts: readonly number[],
  window: MaskWindow,
  { height, width }: { readonly height: number; readonly width: number },
  where = "mask",
  work = UNCOUNTED,
): Rle {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total !== window.width * window.height) {
    const message = `the run lengths cover ${total} pixels, but ${window.width} × ${window.height} has ${window.width * window.height}`;
    throw new UserError(`${where}: ${message}`);
  }
  work.spend(COST.outline + COST.column * (window.width + window.height), where);
  const { rows, firsts, ends } = changedSpans(counts, window, { height, width });
  const spans = { length: rows.length, firsts, ends, rowOf: (span: number) => rows[span]! };
  work.spend(COST.point * rows.length + COST.crossing * countToggles(spans), where);
  return { height, width, counts: countsOfSpans(spans, height, width) };
}

/** Rows of the image, and the columns in which they differ from the row above. */
function changedSpans(counts: readonly number[], window: MaskWindow, { height, width }: Pick<Rle, "height" | "width">) {
  const [rows, firsts, ends]: [number[], number[], number[]] = [[], [], []];
  const change = (y: number, from: number, to: number): void => {
    const [first, end] = [Math.max(0, from + window.left), Math.min(width, to + window.left)];
    const row = Math.min(height, Math.max(0, y + window.top));
    if (end <= first) return;
    rows.push(row);
    firsts.push(first);
    ends.push(end);
  };
  let above: number[] = [];
  forEachRow(counts, window.width, (y, edges) => {
    changesBetween(above, edges, (from, to) => change(y, from, to));
    above = edges;
  });
  changesBetween(above, [], (from, to) => change(window.height, from, to));
  return { rows, firsts, ends };
}

/** Each row's columns where it changes from zeros to ones or back; of consecutive full or empty rows only the first. */
function forEachRow(counts: readonly number[], width: number, visit: (y: number, edges: number[]) => void): void {
  let [y, x] = [0, 0];
  let edges: number[] = [];
  for (const [i, count] of counts.entries()) {
    const ones = i % 2 === 1;
    let left = count;
    while (left > 0) {
      const part = Math.min(left, width - x);
      if (ones) {
        if (edges.length > 0 && edges.at(-1) === x) edges[edges.length - 1] = x + part;
        else edges.push(x, x + part);
      }
      x += part;
      left -= part;
      if (x < width) continue;
      visit(y++, edges);
      [x, edges] = [0, []];
      const alike = Math.floor(left / width); // rows of this run alone
      if (alike <= 1) continue;
      visit(y, ones ? [0, width] : []);
      y += alike;
      left -= alike * width;
    }
  }
}

/** The stretches in which two lists of edges differ: between edges that only one of them has. */
function changesBetween(a: readonly number[], b: readonly number[], visit: (from: number, to: number) => void): void {
  let from = -1;
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const [p, q] = [a[i] ?? Number.POSITIVE_INFINITY, b[j] ?? Number.POSITIVE_INFINITY];
    if (p <= q) i++;
    if (q <= p) j++;
    if (p === q) continue;
    const edge = Math.min(p, q);
    if (from < 0) from = edge;
    else {
      visit(from, edge);
      from = -1;
    }
  }
}
