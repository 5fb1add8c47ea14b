import { padImage } from "../../pixels/geometry.js";
import type { Image, Size } from "../../pixels/image.js";
import { type Colour, hexOf } from "./palette.js";
import { drawSvgOver, escapeXml, shortened, svgDocument, textWidth } from "./svg.js";

/** The size of text on an image: it grows with the image, so that it is read as well when that is shown smaller. */
export const textSizeOn = ({ width, height }: Size): number => Math.max(11, Math.round(Math.min(width, height) / 42));

export interface LegendEntry {
  readonly name: string;
  /** Undefined for a white box with a rim. */
  readonly colour: Colour | undefined;
  /** At the right, such as a share. */
  readonly note: string;
}

/** So many have room beside a low image too, which then grows. */
const LEAST_ROWS = 8;

/**
 * A copy of the image, wider by a panel at its right that names the colours. Rows that do not fit are summed up in a last
 * line.
 */
export function addLegend(image: Image, entries: readonly LegendEntry[]): Image {
  const fontSize = textSizeOn(image);
  const rowHeight = fontSize * 1.75;
  const margin = fontSize;
  const room = Math.max(Math.floor((image.height - 2 * margin) / rowHeight), Math.min(entries.length, LEAST_ROWS));
  const height = Math.max(image.height, Math.ceil(2 * margin + Math.min(room, entries.length) * rowHeight));
  const fitting = entries.length > room ? entries.slice(0, room - 1) : entries;
  const shown = fitting.map((entry) => ({
    ...entry,
    name: shortened(entry.name, fontSize, Math.max(image.width, 60 * fontSize)),
  }));
  const rest = entries.length - shown.length;
  const nameWidth = Math.max(...shown.map((entry) => textWidth(entry.name, fontSize)), fontSize * 6);
  const panel = Math.ceil(margin * 2 + fontSize * 1.6 + nameWidth + fontSize * 4.5);
  const width = image.width + panel;
  const content = shown.map((entry, i) => {
    const x = image.width + margin;
    const y = margin + i * rowHeight;
    const baseline = y + fontSize * 0.9;
    const fill = entry.colour === undefined ? 'fill="#fff" stroke="#999"' : `fill="${hexOf(entry.colour)}"`;
    return (
      `<rect x="${x}" y="${y}" width="${fontSize * 1.1}" height="${fontSize * 1.1}" rx="${fontSize * 0.2}" ${fill}/>` +
      `<text x="${x + fontSize * 1.6}" y="${baseline}" font-size="${fontSize}" fill="#222">${escapeXml(entry.name)}</text>` +
      `<text x="${width - margin}" y="${baseline}" font-size="${fontSize}" fill="#777" text-anchor="end">${escapeXml(entry.note)}</text>`
    );
  });
  if (rest > 0) {
    const y = margin + shown.length * rowHeight + fontSize * 0.9;
    content.push(
      `<text x="${image.width + margin}" y="${y}" font-size="${fontSize}" fill="#777">and ${rest} more</text>`,
    );
  }
  const canvas = padImage(image, { width, height }, [255, 255, 255]);
  return drawSvgOver(canvas, svgDocument(canvas, content.join("")));
}
