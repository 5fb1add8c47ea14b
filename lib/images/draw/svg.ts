import { createRequire } from "node:module";
import type * as Resvg from "@resvg/resvg-js";
import type { Image } from "../../pixels/image.js";

/** The font of all drawings, shipped with the package so that a machine without fonts draws the same. */
export const FONT_FAMILY = "Inter";

const require = createRequire(import.meta.url);

const fontFile = (name: string): string => require.resolve(`@expo-google-fonts/inter/${name}`);

/** Renders an SVG. The renderer is loaded on first use, so that programs that draw nothing do without it. */
function rendering(svg: string, further: Resvg.ResvgRenderOptions = {}): Resvg.Resvg {
  const { Resvg } = require("@resvg/resvg-js") as typeof import("@resvg/resvg-js");
  return new Resvg(svg, { ...renderOptions(), ...further });
}

let options: Resvg.ResvgRenderOptions | undefined;

function renderOptions(): Resvg.ResvgRenderOptions {
  options ??= {
    font: {
      loadSystemFonts: false,
      fontFiles: [fontFile("400Regular/Inter_400Regular.ttf"), fontFile("600SemiBold/Inter_600SemiBold.ttf")],
      defaultFontFamily: FONT_FAMILY,
      sansSerifFamily: FONT_FAMILY,
    },
  };
  return options;
}

/** Draws an SVG over an image of the same size; transparent parts leave it as it is. */
export function drawSvgOver(image: Image, svg: string): Image {
  const rendered = rendering(svg).render();
  const { width, height, pixels } = rendered;
  if (width !== image.width || height !== image.height) {
    throw new RangeError(`a drawing of ${width}×${height} over an image of ${image.width}×${image.height}`);
  }
  const data = image.data.slice();
  for (let i = 0, o = 0; i < pixels.length; i += 4, o += 3) {
    const rest = 255 - pixels[i + 3]!; // the renderer's colours are premultiplied
    if (rest === 255) continue;
    for (let c = 0; c < 3; c++) data[o + c] = pixels[i + c]! + Math.round((data[o + c]! * rest) / 255);
  }
  return { width, height, data };
}

/** Rasterises an SVG on white. @param zoom output pixels per SVG pixel */
export function renderSvg(svg: string, zoom = 1): Image {
  const rendered = rendering(svg, { background: "#fff", fitTo: { mode: "zoom", value: zoom } }).render();
  const { width, height, pixels } = rendered;
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, o = 0; i < pixels.length; i += 4, o += 3) data.set(pixels.subarray(i, i + 3), o);
  return { width, height, data };
}

const advances = new Map<string, number>();

/** The width in pixels of a line of text at a font size. */
export function textWidth(text: string, fontSize: number, weight: 400 | 600 = 400): number {
  let width = 0;
  for (const character of text) {
    const key = `${weight}${character}`;
    let advance = advances.get(key);
    if (advance === undefined) advances.set(key, (advance = measureAdvance(character, weight)));
    width += advance;
  }
  return width * fontSize;
}

/** A text that is no wider than this many pixels: cut off with an ellipsis if necessary. */
export function shortened(text: string, fontSize: number, width: number, weight: 400 | 600 = 400): string {
  const dots = textWidth("…", fontSize, weight);
  let used = 0;
  let fitting = 0; // characters that fit before the ellipsis
  let length = 0;
  for (const character of text) {
    used += textWidth(character, fontSize, weight);
    if (used > width) return `${text.slice(0, Math.max(fitting, 1))}…`;
    length += character.length;
    if (used + dots <= width) fitting = length;
  }
  return text;
}

/** In units of the font size: ten of the character between bars, minus the bars, so that spaces have a width too. */
function measureAdvance(character: string, weight: number): number {
  const measure = (text: string): number => {
    const content = `<text x="100" y="200" font-size="100" font-weight="${weight}" xml:space="preserve">${escapeXml(text)}</text>`;
    const svg = svgDocument({ width: 2000, height: 300 }, content);
    return rendering(svg).getBBox()?.width ?? 0;
  };
  return (measure(`|${character.repeat(10)}|`) - measure("||")) / 1000;
}

export function svgDocument(size: { readonly width: number; readonly height: number }, content: string): string {
  const { width, height } = size;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" font-family="${FONT_FAMILY}">${content}</svg>`
  );
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}
