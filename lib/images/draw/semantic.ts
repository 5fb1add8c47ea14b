import { padImage } from "../../pixels/geometry.js";
import { IGNORED_LABEL, type Image, type LabelMap } from "../../pixels/image.js";
import { type Colour, classPalette, hexOf } from "./palette.js";
import { drawSvgOver, escapeXml, shortened, svgDocument, textWidth } from "./svg.js";

export interface SemanticStyle {
  readonly classes: readonly string[];
  /** One colour per class; default a generated palette. */
  readonly palette?: readonly Colour[];
  /** 0–1, default 0.6. */
  readonly opacity?: number;
  /** Show the classes present with their share of the image, at the right; default true. */
  readonly legend?: boolean;
}

/**
 * A copy of the image tinted by class, segments divided by a fine line; ignored pixels (255) stay as they are.
 *
 * @param map of the image's size
 */
export function drawLabelMap(image: Image, map: LabelMap, style: SemanticStyle): Image {
  if (map.width !== image.width || map.height !== image.height) {
    throw new RangeError(`a ${map.width}×${map.height} map over a ${image.width}×${image.height} image`);
  }
  const palette = style.palette ?? classPalette(style.classes.length);
  const tinted = tint(image, map, palette, style.opacity ?? 0.6);
  return style.legend === false ? tinted : addLegend(tinted, map, style.classes, palette);
}

function tint(image: Image, map: LabelMap, palette: readonly Colour[], opacity: number): Image {
  const { width, height } = image;
  const data = image.data.slice();
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const label = map.data[i]!;
      const border = (x + 1 < width && map.data[i + 1] !== label) || (y + 1 < height && map.data[i + width] !== label);
      const colour = palette[label];
      if (colour === undefined && !border) continue;
      const share = border ? 0.7 : opacity;
      for (let c = 0; c < 3; c++) {
        data[i * 3 + c] = data[i * 3 + c]! * (1 - share) + (border ? 255 : (colour?.[c] ?? 0)) * share;
      }
    }
  }
  return { width, height, data };
}

const nameOf = (label: number, classes: readonly string[]): string =>
  label === IGNORED_LABEL ? "ignored" : (classes[label] ?? `class ${label}`);

/** Rows that do not fit are summed up in a last line. */
function addLegend(image: Image, map: LabelMap, classes: readonly string[], palette: readonly Colour[]): Image {
  const fontSize = Math.round(Math.min(Math.max(image.height / 42, 11), 26));
  const rowHeight = fontSize * 1.75;
  const margin = fontSize;
  const room = Math.max(1, Math.floor((image.height - 2 * margin) / rowHeight));
  const entries = countClasses(map).map(({ label, share }) => ({
    name: shortened(nameOf(label, classes), fontSize, Math.max(image.width, 60 * fontSize)),
    colour: palette[label],
    share: share >= 0.005 ? `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %` : "< 0.5 %",
  }));
  const shown = entries.length > room ? entries.slice(0, room - 1) : entries;
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
      `<text x="${width - margin}" y="${baseline}" font-size="${fontSize}" fill="#777" text-anchor="end">${escapeXml(entry.share)}</text>`
    );
  });
  if (rest > 0) {
    const y = margin + shown.length * rowHeight + fontSize * 0.9;
    content.push(
      `<text x="${image.width + margin}" y="${y}" font-size="${fontSize}" fill="#777">and ${rest} more</text>`,
    );
  }
  const canvas = padImage(image, { width, height: image.height }, [255, 255, 255]);
  return drawSvgOver(canvas, svgDocument(canvas, content.join("")));
}

/** Labels present with their share of all pixels, the largest first, ignored last. */
function countClasses(map: LabelMap): { readonly label: number; readonly share: number }[] {
  const counts = new Uint32Array(256);
  for (const label of map.data) counts[label]!++;
  return Array.from(counts, (count, label) => ({ label, share: count / map.data.length }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => Number(a.label === IGNORED_LABEL) - Number(b.label === IGNORED_LABEL) || b.share - a.share);
}
