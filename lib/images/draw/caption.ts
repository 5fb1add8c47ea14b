import { padImage } from "../../pixels/geometry.js";
import type { Image } from "../../pixels/image.js";
import { type Colour, hexOf, textColourOn } from "./palette.js";
import { drawSvgOver, escapeXml, shortened, svgDocument, textWidth } from "./svg.js";

export interface CaptionLine {
  readonly text: string;
  readonly colour: Colour;
}

/** The largest share of an image's height that a caption may cover. */
const MOST_COVERED = 0.3;
/** In sizes of the font. */
const LONGEST_LINE = 40;

/**
 * A copy of the image with lines of text in its upper left corner, each on a background of its colour. On a small image,
 * which they would hide, they are at its right instead.
 */
export function drawCaption(image: Image, lines: readonly CaptionLine[]): Image {
  const side = Math.min(image.width, image.height);
  const size = Math.max(9, Math.round(Math.min(28, side / 16)), Math.round(side / 36));
  const height = Math.round(size * 1.5);
  const widthOf = (text: string): number => Math.ceil(textWidth(text, size) + size);
  const widest = Math.max(0, ...lines.map(({ text }) => widthOf(shortened(text, size, LONGEST_LINE * size))));
  const isOver = lines.length * height <= MOST_COVERED * image.height && widest <= image.width;
  const canvas = isOver
    ? image
    : padImage(
        image,
        { width: image.width + widest, height: Math.max(image.height, lines.length * height) },
        [255, 255, 255],
      );
  const left = isOver ? 0 : image.width;
  const content = lines.map(({ text, colour }, i) => {
    const shown = shortened(text, size, LONGEST_LINE * size);
    const y = i * height;
    return (
      `<rect x="${left}" y="${y}" width="${widthOf(shown)}" height="${height}" fill="${hexOf(colour)}" fill-opacity="0.9"/>` +
      `<text x="${left + size / 2}" y="${y + 1.08 * size}" font-size="${size}" fill="${textColourOn(colour)}">${escapeXml(shown)}</text>`
    );
  });
  return drawSvgOver(canvas, svgDocument(canvas, content.join("")));
}
