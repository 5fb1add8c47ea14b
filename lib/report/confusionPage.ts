import { mostConfused } from "../metrics/mostConfused.js";
import { folded, type Html, imageFigure, matrixTable, tableOf } from "../pages/index.js";
import type { Image } from "../pixels/image.js";
import { percent } from "./format.js";

export interface ConfusionPart {
  /** Of rows and columns. */
  readonly names: readonly string[];
  /** [n, n] by true class (rows) and predicted class (columns). */
  readonly counts: Float64Array;
  readonly unit: "objects" | "pixels" | "images";
}

/** With this many classes or more the matrix is drawn as an image. */
const LARGE = 40;
const LISTED = 20;

/** The matrix, and a list of the most frequent confusions. */
export async function confusionContent({ names, counts, unit }: ConfusionPart): Promise<Html[]> {
  const n = names.length;
  const total = counts.reduce((a, b) => a + b, 0);
  const format = unit === "pixels" ? undefined : String;
  const shares = unit === "pixels" ? rowShares(counts, n) : counts;
  const matrix =
    n > LARGE
      ? await imageFigure(heatMap(counts, n), {
          format: "png",
          caption: `Rows: true class, columns: predicted class, both in the order of the table of classes. The darker a cell, the larger its share of the row.`,
          description: "confusion matrix",
        })
      : matrixTable({ names, counts: shares, ...(format ? { format } : { format: (share) => percent(share) }) });
  const rows = mostConfused(counts, n, LISTED).map(({ truth, predicted, count, share }) => [
    names[truth]!,
    names[predicted]!,
    unit === "pixels" ? `${percent(count / total)} %` : count,
    `${percent(share)} %`,
  ]);
  const head = ["annotated", "found", unit === "pixels" ? "of all pixels" : "number", "of the annotated"];
  return [matrix, ...(rows.length > 0 ? [folded("Most frequent confusions", [tableOf(head, rows)])] : [])];
}

/** Each row divided by its sum. */
function rowShares(counts: Float64Array, n: number): Float64Array {
  const sums = Float64Array.from({ length: n }, (_, row) =>
    counts.subarray(row * n, (row + 1) * n).reduce((a, b) => a + b, 0),
  );
  return counts.map((count, i) => (count === 0 ? 0 : count / sums[Math.floor(i / n)]!));
}

/** One square per cell: blue on the diagonal, red off it. */
function heatMap(counts: Float64Array, n: number): Image {
  const cell = Math.max(4, Math.floor(720 / n));
  const side = n * cell;
  const data = new Uint8Array(side * side * 3).fill(255);
  const shares = rowShares(counts, n);
  for (let y = 0, i = 0; y < side; y++) {
    const row = Math.floor(y / cell);
    for (let x = 0; x < side; x++) {
      const column = Math.floor(x / cell);
      const colour = row === column ? [31, 110, 190] : [205, 75, 45];
      const strength = Math.sqrt(shares[row * n + column]!);
      for (const channel of colour) data[i++] = Math.round(248 + (channel - 248) * strength);
    }
  }
  return { width: side, height: side, data };
}
