import { encodeJpeg, encodePng } from "../images/encode.js";
import type { Picture } from "../images/picture.js";
import { type Html, html, raw } from "./html.js";

/** Figures side by side, as many to a row as there is room for. */
export function figures(list: readonly Html[]): Html {
  return html`<div class="figures">${list}</div>`;
}

export interface FigureOptions {
  readonly caption?: string;
  /** What it shows, for those who cannot see it; default the caption. */
  readonly description?: string;
}

let drawings = 0;

/** A drawing that stands in the page as it is; its ids are made its own, so that several do not mix. */
export function svgFigure(svg: string, options: FigureOptions = {}): Html {
  const prefix = `d${++drawings}-`;
  const own = svg
    .replace(/ id="([^"]+)"/g, ` id="${prefix}$1"`)
    .replace(/url\(#([^)]+)\)/g, `url(#${prefix}$1)`)
    .replace(/ (xlink:href|href)="#([^"]+)"/g, ` $1="#${prefix}$2"`);
  const label = html`${options.description ?? options.caption ?? "drawing"}`.html;
  return figure(raw(own.replace(/^<svg /, `<svg role="img" aria-label="${label}" `)), options);
}

export interface PictureOptions extends FigureOptions {
  /** CSS pixels; default the picture's width. */
  readonly width?: number;
  /** "jpeg" for photographs, "png" for drawings; default "jpeg". */
  readonly format?: "jpeg" | "png";
  /** Of JPEG, 1–100; default 85. */
  readonly quality?: number;
}

/** A picture within the page, as a data URI. */
export async function pictureFigure(picture: Picture, options: PictureOptions = {}): Promise<Html> {
  const { format = "jpeg", quality = 85 } = options;
  const bytes = format === "png" ? await encodePng(picture) : await encodeJpeg(picture, { quality });
  const uri = `data:image/${format};base64,${Buffer.from(bytes).toString("base64")}`;
  const width = options.width ?? picture.width;
  const height = Math.round((width * picture.height) / picture.width);
  const alt = options.description ?? options.caption ?? "";
  return figure(html`<img src="${raw(uri)}" width="${width}" height="${height}" alt="${alt}">`, options);
}

function figure(content: Html, { caption }: FigureOptions): Html {
  return html`<figure>${content}${caption !== undefined && html`<figcaption>${caption}</figcaption>`}</figure>`;
}

export interface TableOptions {
  readonly caption?: string;
}

/** A table: the first column to the left, the others to the right. */
export function tableOf(
  head: readonly string[],
  rows: readonly (readonly (string | number | Html)[])[],
  options: TableOptions = {},
): Html {
  return html`<div class="wide"><table>${options.caption !== undefined && html`<caption>${options.caption}</caption>`}<thead><tr>${head.map(
    (name) => html`<th>${name}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>\n`,
  )}</tbody></table></div>`;
}

/** A few figures in large type, each with what it is. */
export function keyFigures(list: readonly (readonly [name: string, value: string | number])[]): Html {
  return html`<div class="numbers">${list.map(([name, value]) => html`<div><b>${value}</b><span>${name}</span></div>`)}</div>`;
}

/** What is shown when its summary is clicked. */
export function folded(summary: string, content: readonly Html[]): Html {
  return html`<details><summary>${summary}</summary>${content}</details>`;
}

export function paragraph(text: string): Html {
  return html`<p>${text}</p>`;
}
