import { encodeJpeg, encodePng } from "../images/encode.js";
import type { Image } from "../pixels/image.js";
import { type Html, html, raw } from "./html.js";

/** Figures side by side, as many per row as fit. */
export function figures(list: readonly Html[]): Html {
  return html`<div class="figures">${list}</div>`;
}

export interface FigureOptions {
  readonly caption?: string;
  /** What it shows, for those who cannot see it; default the caption. */
  readonly description?: string;
}

let drawings = 0;

/** A drawing embedded in the page; its ids are made unique, so that several drawings do not conflict. */
export function svgFigure(svg: string, options: FigureOptions = {}): Html {
  const prefix = `d${++drawings}-`;
  const own = svg
    .replace(/ id="([^"]+)"/g, ` id="${prefix}$1"`)
    .replace(/url\(#([^)]+)\)/g, `url(#${prefix}$1)`)
    .replace(/ (xlink:href|href)="#([^"]+)"/g, ` $1="#${prefix}$2"`);
  const label = html`${options.description ?? options.caption ?? "drawing"}`.html;
  return figure(raw(own.replace(/^<svg /, `<svg role="img" aria-label="${label}" `)), options);
}

export interface ImageOptions extends FigureOptions {
  /** CSS pixels; default the image's width. */
  readonly width?: number;
  /** "jpeg" for photographs, "png" for drawings; default "jpeg". */
  readonly format?: "jpeg" | "png";
  /** JPEG quality, 1–100; default 85. */
  readonly quality?: number;
}

/** An image within the page, as a data URI. */
export async function imageFigure(image: Image, options: ImageOptions = {}): Promise<Html> {
  const { format = "jpeg", quality = 85 } = options;
  const bytes = format === "png" ? await encodePng(image) : await encodeJpeg(image, { quality });
  const uri = `data:image/${format};base64,${Buffer.from(bytes).toString("base64")}`;
  const width = options.width ?? image.width;
  const height = Math.round((width * image.height) / image.width);
  const alt = options.description ?? options.caption ?? "";
  return figure(html`<img src="${raw(uri)}" width="${width}" height="${height}" alt="${alt}">`, options);
}

function figure(content: Html, { caption }: FigureOptions): Html {
  return html`<figure>${content}${caption !== undefined && html`<figcaption>${caption}</figcaption>`}</figure>`;
}

export interface TableOptions {
  readonly caption?: string;
  /** Columns of words, which are left-aligned like the first one. */
  readonly words?: readonly number[];
}

/** A table: the first column is left-aligned, the others right-aligned unless they are of words. */
export function tableOf(
  head: readonly string[],
  rows: readonly (readonly (string | number | Html)[])[],
  options: TableOptions = {},
): Html {
  const style = (column: number): Html | false => options.words?.includes(column) === true && raw(' class="words"');
  return html`<div class="wide"><table>${options.caption !== undefined && html`<caption>${options.caption}</caption>`}<thead><tr>${head.map(
    (name, i) => html`<th scope="col"${style(i)}>${name}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (row) => html`<tr>${row.map((cell, i) => html`<td${style(i)}>${cell}</td>`)}</tr>\n`,
  )}</tbody></table></div>`;
}

export interface MatrixOptions extends TableOptions {
  /** Names of rows and columns. */
  readonly names: readonly string[];
  /** [n, n] */
  readonly counts: Float64Array;
  /** The text of a cell; default its count. */
  readonly format?: (count: number) => string;
}

/** A confusion matrix: cells shaded by their share of the row, the diagonal in blue, other cells in red. */
export function matrixTable({ names, counts, caption, format = String }: MatrixOptions): Html {
  const n = names.length;
  const cell = (row: number, column: number, total: number): Html => {
    const count = counts[row * n + column]!;
    if (count === 0) return html`<td></td>`;
    const step = Math.max(1, Math.ceil((10 * count) / total));
    return html`<td class="${row === column ? "r" : "e"}${step}">${format(count)}</td>`;
  };
  return html`<div class="wide"><table class="matrix">${caption !== undefined && html`<caption>${caption}</caption>`}<thead><tr><td></td>${names.map(
    (name) => html`<th scope="col"><span>${name}</span></th>`,
  )}</tr></thead><tbody>${names.map((name, row) => {
    const total = counts.subarray(row * n, (row + 1) * n).reduce((a, b) => a + b, 0);
    return html`<tr><th scope="row">${name}</th>${names.map((_, column) => cell(row, column, total))}</tr>\n`;
  })}</tbody></table></div>`;
}

/** What colours mean. */
export function colourKeys(keys: readonly (readonly [name: string, colour: string])[]): Html {
  return html`<p class="keys">${keys.map(([name, colour]) => html`<span><i style="background:${colour}"></i>${name}</span> `)}</p>`;
}

/** Images to compare, beside each other if there is room. */
export function compared(title: string, images: readonly Html[]): Html {
  return html`<article><h3>${title}</h3><div class="pair">${images}</div></article>`;
}

/** Small articles beside each other, as many to a row as there is room for. */
export function cardsOf(list: readonly { readonly title: string; readonly content: readonly Html[] }[]): Html {
  return html`<div class="cards">${list.map(({ title, content }) => html`<article><h3>${title}</h3>${content}</article>`)}</div>`;
}

/** A note that the reader must know before trusting what follows. */
export function note(text: string): Html {
  return html`<p class="note">${text}</p>`;
}

/** Verbatim text, such as a config. */
export function preformatted(text: string): Html {
  return html`<pre>${text}</pre>`;
}

/** A few numbers in large type, each with its meaning. */
export function keyFigures(list: readonly (readonly [name: string, value: string | number])[]): Html {
  return html`<div class="numbers">${list.map(([name, value]) => html`<div><b>${value}</b><span>${name}</span></div>`)}</div>`;
}

/** Content that is shown when its summary is clicked. */
export function folded(summary: string, content: readonly Html[]): Html {
  return html`<details><summary>${summary}</summary>${content}</details>`;
}

export function paragraph(text: string): Html {
  return html`<p>${text}</p>`;
}
