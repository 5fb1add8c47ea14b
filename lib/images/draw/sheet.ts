import type { Image } from "../../pixels/image.js";
import { resizeImage } from "../../pixels/resize.js";
import { drawSvgOver, escapeXml, shortened, svgDocument } from "./svg.js";

/** A row of images, and what is written above them. */
export interface SheetRow {
  /** Written above the row, e.g. the file's name. */
  readonly title?: string;
  readonly images: readonly Image[];
  /** Written above each image instead of the title, shortened to its width. */
  readonly captions?: readonly string[];
}

/** How images are laid out. */
export interface SheetOptions {
  /** Above the columns, e.g. ["Truth", "Prediction"]. */
  readonly columns?: readonly string[];
  /** Each image is scaled to this height; default the first one's. */
  readonly rowHeight?: number;
}

/** Images in rows and columns on white, e.g. truth beside prediction. */
export function drawSheet(rows: readonly SheetRow[], options: SheetOptions = {}): Image {
  const height = options.rowHeight ?? rows[0]?.images[0]?.height ?? 1;
  const fontSize = Math.round(Math.max(height / 24, 12));
  const gap = Math.round(fontSize * 0.8);
  const scaled = rows.map((row) => ({
    ...row,
    images: row.images.map((image) => scaleToHeight(image, height)),
  }));
  const columnCount = Math.max(1, ...scaled.map((row) => row.images.length));
  const columnWidths = Array.from({ length: columnCount }, (_, c) =>
    Math.max(1, ...scaled.map((row) => row.images[c]?.width ?? 0)),
  );
  const left = columnWidths.map((_, c) => gap + columnWidths.slice(0, c).reduce((sum, w) => sum + w + gap, 0));
  const width = left.at(-1)! + columnWidths.at(-1)! + gap;
  const headHeight = options.columns === undefined ? 0 : fontSize * 2;
  const titleHeight = rows.some((row) => (row.title ?? row.captions) !== undefined) ? Math.round(fontSize * 1.6) : 0;
  const top = (r: number): number => gap + headHeight + titleHeight + r * (height + titleHeight + gap);
  const canvas = blank(width, top(rows.length - 1) + height + gap);
  const content = (options.columns ?? []).map((name, c) =>
    text(left[c] ?? 0, gap + fontSize, name, fontSize * 1.15, 600),
  );
  for (const [r, row] of scaled.entries()) {
    if (row.title !== undefined) {
      content.push(
        text(left[0]!, top(r) - fontSize * 0.5, shortened(row.title, fontSize, width - 2 * gap), fontSize, 400),
      );
    }
    for (const [c, caption] of (row.captions ?? []).entries()) {
      const fitting = shortened(caption, fontSize, columnWidths[c] ?? 0);
      content.push(text(left[c] ?? 0, top(r) - fontSize * 0.5, fitting, fontSize, 400));
    }
    for (const [c, image] of row.images.entries()) paste(canvas, image, left[c]!, top(r));
  }
  return drawSvgOver(canvas, svgDocument(canvas, content.join("")));
}

function scaleToHeight(image: Image, height: number): Image {
  const width = Math.max(1, Math.round((image.width * height) / image.height));
  return resizeImage(image, { width, height }, "bilinear-antialias");
}

function text(x: number, y: number, content: string, fontSize: number, weight: number): string {
  const fill = weight === 600 ? "#111" : "#555";
  return `<text x="${x}" y="${y}" font-size="${fontSize}" font-weight="${weight}" fill="${fill}">${escapeXml(content)}</text>`;
}

function blank(width: number, height: number): Image {
  return { width, height, data: new Uint8Array(width * height * 3).fill(255) };
}

function paste(canvas: Image, image: Image, left: number, top: number): void {
  const stride = image.width * 3;
  for (let y = 0; y < image.height; y++) {
    canvas.data.set(image.data.subarray(y * stride, (y + 1) * stride), ((top + y) * canvas.width + left) * 3);
  }
}
