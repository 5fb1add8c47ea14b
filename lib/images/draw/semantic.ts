import { IGNORED_LABEL, type Image, type LabelMap } from "../../pixels/image.js";
import { addLegend, type LegendEntry } from "./legend.js";
import { type Colour, classPalette } from "./palette.js";

/** How a label map is drawn. */
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
  return style.legend === false ? tinted : addLegend(tinted, legendOf(map, style.classes, palette));
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

function legendOf(map: LabelMap, classes: readonly string[], palette: readonly Colour[]): LegendEntry[] {
  return countClasses(map).map(({ label, share }) => ({
    name: nameOf(label, classes),
    colour: palette[label],
    note: share >= 0.005 ? `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %` : "< 0.5 %",
  }));
}

/** Labels present with their share of all pixels, the largest first, ignored last. */
function countClasses(map: LabelMap): { readonly label: number; readonly share: number }[] {
  const counts = new Uint32Array(256);
  for (const label of map.data) counts[label]!++;
  return Array.from(counts, (count, label) => ({ label, share: count / map.data.length }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => Number(a.label === IGNORED_LABEL) - Number(b.label === IGNORED_LABEL) || b.share - a.share);
}
