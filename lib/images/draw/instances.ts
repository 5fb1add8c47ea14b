import type { Image } from "../../pixels/image.js";
import { addLegend, type LegendEntry, textSizeOn } from "./legend.js";
import { boxOfRuns, pixelsOfRuns, type RunMask, tintMask } from "./masks.js";
import { type Colour, classPalette, hexOf, textColourOn } from "./palette.js";
import { drawSvgOver, escapeXml, shortened, svgDocument, textWidth } from "./svg.js";

/** Objects to draw: n boxes x1 y1 x2 y2 in image pixels with class indices; annotated ones have no scores. */
export interface DrawnInstances {
  readonly boxes: Float32Array;
  readonly labels: Int32Array;
  readonly scores?: Float32Array;
  readonly masks?: readonly (RunMask | undefined)[];
}

/** How objects are drawn. */
export interface InstanceStyle {
  readonly classes: readonly string[];
  /** One colour per class; default a generated palette. */
  readonly palette?: readonly Colour[];
  /** Objects below this score are left out; default 0.3. */
  readonly scoreThreshold?: number;
  /** 0–1, default 0.4. */
  readonly maskOpacity?: number;
  /** Default true. */
  readonly boxes?: boolean;
  /** "class 0.93" beside each object, shortened or left out where there is no room; default true. */
  readonly labels?: boolean;
  /** Where a class is named by none of its labels for want of room, name the colours in a panel at the right; default true. */
  readonly legend?: boolean;
}

interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A copy of the image with masks tinted, boxes and labels, large objects below small ones; wider where there is a legend. */
export function drawInstances(image: Image, instances: DrawnInstances, style: InstanceStyle): Image {
  const { boxes, labels, scores, masks } = instances;
  const palette = style.palette ?? classPalette(style.classes.length);
  const line = Math.max(1, Math.round(Math.min(image.width, image.height) / 320));
  const shown = Array.from(labels.keys())
    .filter((i) => scores === undefined || scores[i]! >= (style.scoreThreshold ?? 0.3))
    .sort((a, b) => boxArea(boxes, b) - boxArea(boxes, a));
  const canvas = { ...image, data: image.data.slice() };
  for (const i of shown) {
    const mask = masks?.[i];
    if (mask === undefined) continue;
    const colour = colourOf(palette, labels[i]!);
    tintMask(canvas, pixelsOfRuns(mask), colour, {
      opacity: style.maskOpacity ?? 0.4,
      edge: line,
      within: boxOfRuns(mask),
    });
  }
  const content: string[] = [];
  if (style.boxes !== false) for (const i of shown) content.push(boxSvg(boxes, i, colourOf(palette, labels[i]!), line));
  const written = style.labels === false ? undefined : labelsSvg(image, instances, shown, style.classes, palette);
  const drawn = drawSvgOver(canvas, svgDocument(image, [...content, ...(written?.content ?? [])].join("")));
  if (written === undefined || written.allNamed || style.legend === false) return drawn;
  return addLegend(drawn, legendOf(labels, shown, style.classes, palette));
}

/** The classes drawn, with the number of their objects, the commonest first. */
function legendOf(
  labels: Int32Array,
  shown: readonly number[],
  classes: readonly string[],
  palette: readonly Colour[],
): LegendEntry[] {
  const counts = new Map<number, number>();
  for (const i of shown) counts.set(labels[i]!, (counts.get(labels[i]!) ?? 0) + 1);
  return [...counts]
    .sort(([a, many], [b, more]) => more - many || a - b)
    .map(([label, count]) => ({
      name: nameOf(label, classes),
      colour: colourOf(palette, label),
      note: String(count),
    }));
}

const nameOf = (label: number, classes: readonly string[]): string => classes[label] ?? `class ${label}`;

function boxSvg(boxes: Float32Array, i: number, colour: Colour, line: number): string {
  const { x, y, width, height } = rectangleOf(boxes, i);
  const shape = `x="${x}" y="${y}" width="${width}" height="${height}" rx="${line}" fill="none"`;
  return (
    `<rect ${shape} stroke="#000" stroke-opacity="0.35" stroke-width="${line + 1.5}"/>` +
    `<rect ${shape} stroke="${hexOf(colour)}" stroke-width="${line}"/>`
  );
}

/** With this many objects or more, only labels that fit beside their object have the class name. */
const CROWDED = 16;
/** A label that would cover others by more than this share of its own area is shortened, then left out. */
const MAX_COVER = 0.1;

/**
 * Each label takes the first of a few places around its box where it covers no other label, or else the one that covers
 * least. Small objects choose first, in crowded images large ones.
 */
function labelsSvg(
  image: Image,
  { boxes, labels, scores }: DrawnInstances,
  shown: readonly number[],
  classes: readonly string[],
  palette: readonly Colour[],
): { readonly content: readonly string[]; readonly allNamed: boolean } {
  const fontSize = textSizeOn(image);
  const crowded = shown.length >= CROWDED;
  const taken: Rectangle[] = [];
  const content: string[] = [];
  const named = new Set<number>();
  for (const i of crowded ? shown : shown.toReversed()) {
    const box = rectangleOf(boxes, i);
    const name = shortened(nameOf(labels[i]!, classes), fontSize, image.width, 600);
    const score = scores?.[i]?.toFixed(2);
    const full = score === undefined ? name : `${name} ${score}`;
    const fits = !crowded || textWidth(full, fontSize, 600) <= box.width;
    for (const text of [...(fits ? [full] : []), ...(score === undefined ? [] : [score])]) {
      const size = { width: textWidth(text, fontSize, 600) + fontSize * 0.7, height: fontSize * 1.4 };
      const place = choosePlace(box, size, image, taken);
      if (taken.some((other) => overlap(place, other) > MAX_COVER * size.width * size.height)) continue;
      taken.push(place);
      content.push(labelSvg(text, place, fontSize, colourOf(palette, labels[i]!)));
      if (text === full) named.add(labels[i]!);
      break;
    }
  }
  return { content, allNamed: shown.every((i) => named.has(labels[i]!)) };
}

function labelSvg(text: string, place: Rectangle, fontSize: number, colour: Colour): string {
  const { x, y, width, height } = place;
  return (
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${fontSize * 0.25}" ` +
    `fill="${hexOf(colour)}" fill-opacity="0.92"/>` +
    `<text x="${x + fontSize * 0.35}" y="${y + fontSize * 1.06}" font-size="${fontSize}" ` +
    `font-weight="600" fill="${textColourOn(colour)}">${escapeXml(text)}</text>`
  );
}

function choosePlace(
  box: Rectangle,
  size: { readonly width: number; readonly height: number },
  image: Image,
  taken: readonly Rectangle[],
): Rectangle {
  const right = box.x + box.width - size.width;
  const bottom = box.y + box.height;
  const candidates = [
    [box.x, box.y - size.height],
    [box.x, box.y],
    [right, box.y - size.height],
    [box.x, bottom],
    [box.x, bottom - size.height],
    [right, bottom],
  ] as const;
  let best: Rectangle | undefined;
  let leastCost = Number.POSITIVE_INFINITY;
  for (const [x, y] of candidates) {
    const place = {
      x: Math.max(0, Math.min(x, image.width - size.width)),
      y: Math.max(0, Math.min(y, image.height - size.height)),
      ...size,
    };
    const shift = Math.abs(place.x - x) + Math.abs(place.y - y); // pushed back into the image
    const cost = taken.reduce((sum, other) => sum + overlap(place, other), 0) + shift;
    if (cost < leastCost) {
      leastCost = cost;
      best = place;
    }
  }
  return best ?? { x: 0, y: 0, ...size };
}

function overlap(a: Rectangle, b: Rectangle): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return Math.max(0, width) * Math.max(0, height);
}

function rectangleOf(boxes: Float32Array, i: number): Rectangle {
  const [x, y] = [boxes[i * 4]!, boxes[i * 4 + 1]!];
  return { x, y, width: boxes[i * 4 + 2]! - x, height: boxes[i * 4 + 3]! - y };
}

function boxArea(boxes: Float32Array, i: number): number {
  const { width, height } = rectangleOf(boxes, i);
  return width * height;
}

function colourOf(palette: readonly Colour[], label: number): Colour {
  return palette[label % palette.length] ?? [255, 0, 0];
}
