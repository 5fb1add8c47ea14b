import type { Image } from "../../pixels/image.js";
import { type Colour, hexOf, textColourOn } from "./palette.js";
import { drawSvgOver, escapeXml, shortened, svgDocument, textWidth } from "./svg.js";

export interface CaptionLine {
  readonly text: string;
  readonly colour: Colour;
}

/**
 * A copy of the image with lines of text in its upper left corner, each on a background of its colour; lines that do
 * not fit are left out.
 */
export function drawCaption(image: Image, lines: readonly CaptionLine[]): Image {
  const size = Math.max(9, Math.min(28, Math.round(Math.min(image.width, image.height) / 16)));
  const height = Math.round(size * 1.5);
  const fitting = lines.slice(0, Math.max(1, Math.floor(image.height / height)));
  const content = fitting.map(({ text, colour }, i) => {
    const shown = shortened(text, size, image.width - size);
    const width = Math.min(image.width, Math.ceil(textWidth(shown, size) + size));
    const y = i * height;
    return (
      `<rect x="0" y="${y}" width="${width}" height="${height}" fill="${hexOf(colour)}" fill-opacity="0.9"/>` +
      `<text x="${size / 2}" y="${y + 1.08 * size}" font-size="${size}" fill="${textColourOn(colour)}">${escapeXml(shown)}</text>`
    );
  });
  return drawSvgOver(image, svgDocument(image, content.join("")));
}
