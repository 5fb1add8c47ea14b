import { hexOf, linePalette } from "../../lib/images/draw/palette.js";
import { escapeXml, svgDocument, textWidth } from "../../lib/images/draw/svg.js";
import { milliseconds } from "../../lib/profile/format.js";
import { type Box, placeLabels, type Wish } from "./labels.js";
import type { Interval } from "./latencies.js";

export interface PlotPoint {
  readonly family: string;
  /** Beside the point: "L1". */
  readonly label: string;
  readonly latency: Interval;
  readonly accuracy: number;
}

export interface Panel {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly points: readonly PlotPoint[];
}

export interface PlotOptions {
  /** Families in the order of their colours, the same in all panels. */
  readonly families: readonly string[];
  /** Below the plots: where and how it was measured, and the sources of the accuracies. */
  readonly notes: readonly string[];
}

const WIDTH = 920;
const MARGIN = { left: 52, right: 16, top: 40, bottom: 46 };
const GAP = 18;
const NOTE = 16;
const RADIUS = 4.5;

/** One wide panel with the others in pairs below it: accuracy over latency, each family joined by a line and labelled. */
export function accuracyPlot(panels: readonly Panel[], { families, notes }: PlotOptions): string {
  const colours = linePalette(families.length).map(hexOf);
  const colourOf = (family: string): string => colours[families.indexOf(family)]!;
  const half = (WIDTH - GAP) / 2;
  const tall = 470;
  const small = 390;
  const parts = panels.map((panel, i) => {
    const box: Box =
      i === 0
        ? { x: 0, y: 0, width: WIDTH, height: tall }
        : {
            x: ((i - 1) % 2) * (half + GAP),
            y: tall + GAP + Math.floor((i - 1) / 2) * (small + GAP),
            width: panels.length === 2 ? WIDTH : half,
            height: small,
          };
    return { box, svg: `<g transform="translate(${box.x} ${box.y})">${drawPanel(panel, box, colourOf)}</g>` };
  });
  const bottom = Math.max(...parts.map(({ box }) => box.y + box.height)) + 10;
  const lines = notes.map(
    (note, i) =>
      `<text x="${MARGIN.left}" y="${bottom + NOTE * (i + 1)}" font-size="11.5" fill="#555">${escapeXml(note)}</text>`,
  );
  const height = bottom + NOTE * notes.length + 14;
  const paper = `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`;
  return svgDocument({ width: WIDTH, height }, [paper, ...parts.map(({ svg }) => svg), ...lines].join(""));
}

function drawPanel(panel: Panel, size: Box, colourOf: (family: string) => string): string {
  const { points, title } = panel;
  const frame: Box = {
    x: MARGIN.left,
    y: MARGIN.top,
    width: size.width - MARGIN.left - MARGIN.right,
    height: size.height - MARGIN.top - MARGIN.bottom,
  };
  const [x, y] = [latencyScale(points, frame), accuracyScale(points, frame)];
  const families = [...new Set(points.map(({ family }) => family))];
  const placed = families.map((family) => {
    const own = points.filter((point) => point.family === family);
    own.sort((a, b) => a.latency.median - b.latency.median);
    const at = own.map(({ latency, accuracy }) => [x.of(latency.median), y.of(accuracy)] as const);
    return { family, own, at, colour: colourOf(family) };
  });
  const wishes = placed.flatMap(({ family, own, at, colour }) => [
    { text: family, size: 12.5, weight: 600 as const, at: [at.at(-1)!, at[0]!, ...at.slice(1, -1)], colour },
    ...own.map(({ label }, i) => ({ text: label, size: 11.5, weight: 400 as const, at: [at[i]!], colour })),
  ]) satisfies (Wish & { readonly colour: string })[];
  const boxes = placeLabels(wishes, {
    frame: { ...frame, x: frame.x + 4, width: frame.width - 8, y: frame.y + 4, height: frame.height - 8 },
    points: placed.flatMap(({ at }) => at),
    radius: RADIUS,
    lines: placed.flatMap(({ own, at }) => [
      at,
      ...own.map(({ latency: { low, high } }, i) =>
        [low, high].map((end): readonly [number, number] => [x.of(end), at[i]![1]]),
      ),
    ]),
  });
  const words = wishes.map(({ text, size: fontSize, weight, colour }, i) => {
    const box = boxes[i]!;
    const where = `x="${box.x.toFixed(1)}" y="${(box.y + 0.86 * box.height).toFixed(1)}"`;
    const halo = 'stroke="#fff" stroke-width="3" stroke-linejoin="round" paint-order="stroke"';
    return `<text ${where} font-size="${fontSize}" font-weight="${weight}" fill="${colour}" ${halo}>${escapeXml(text)}</text>`;
  });
  const lines = placed.map(({ at, colour }) => {
    const path = at.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ");
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.8" stroke-opacity="0.75"/>`;
  });
  const marks = placed.flatMap(({ own, at, colour }) =>
    own.map(({ latency }, i) => {
      const [px, py] = at[i]!;
      const [low, high] = [x.of(latency.low), x.of(latency.high)];
      const interval = `<path d="M${low.toFixed(1)} ${py.toFixed(1)}H${high.toFixed(1)}" stroke="${colour}" stroke-width="1.2"/>`;
      return `${interval}<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="${RADIUS}" fill="${colour}" stroke="#fff" stroke-width="1.2"/>`;
    }),
  );
  return [
    `<text x="${frame.x}" y="22" font-size="15" font-weight="600" fill="#111">${escapeXml(title)}</text>`,
    axes(panel, frame, x, y),
    ...lines,
    ...marks,
    ...words,
  ].join("");
}

interface Scale {
  readonly of: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Logarithmic, with a margin around the outermost points. */
function latencyScale(points: readonly PlotPoint[], { x, width }: Box): Scale {
  const all = points.flatMap(({ latency: { low, high } }) => [low, high]);
  const [from, to] = [Math.min(...all) / 1.12, Math.max(...all) * 1.18];
  const ticks = [1, 10, 100, 1000, 10000].flatMap((decade) => [1, 1.5, 2, 3, 4, 5, 6, 8].map((n) => n * decade));
  return {
    of: (value) => x + (width * Math.log(value / from)) / Math.log(to / from),
    ticks: ticks.filter((tick) => tick >= from && tick <= to),
  };
}

function accuracyScale(points: readonly PlotPoint[], { y, height }: Box): Scale {
  const all = points.map(({ accuracy }) => accuracy);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const room = 0.09 * (most - least);
  const [from, to] = [least - room, most + room];
  const step = to - from > 8 ? 2 : 1;
  const first = Math.ceil(from / step);
  const ticks = Array.from({ length: Math.floor(to / step) - first + 1 }, (_, i) => (first + i) * step);
  return { of: (value) => y + (height * (to - value)) / (to - from), ticks };
}

function axes({ xLabel, yLabel }: Panel, { x: left, y: top, width, height }: Box, x: Scale, y: Scale): string {
  const bottom = top + height;
  const label = 'font-size="12" fill="#444"';
  const rows = y.ticks.map((tick) => {
    const at = y.of(tick).toFixed(1);
    return `<path d="M${left} ${at}H${left + width}" stroke="#e8e8e8"/><text x="${left - 8}" y="${Number(at) + 4}" text-anchor="end" ${label}>${tick}</text>`;
  });
  let free = 0;
  const columns = x.ticks.map((tick) => {
    const [at, text] = [x.of(tick), String(Number(milliseconds(tick)))];
    const grid = `<path d="M${at.toFixed(1)} ${top}V${bottom}" stroke="#f1f1f1"/>`;
    const half = textWidth(text, 12) / 2;
    if (at - half < free) return grid;
    free = at + half + 10;
    return `${grid}<text x="${at.toFixed(1)}" y="${bottom + 17}" text-anchor="middle" ${label}>${text}</text>`;
  });
  const names = [
    `<text x="${left + width}" y="${bottom + 36}" text-anchor="end" font-size="12.5" fill="#222">${escapeXml(xLabel)}</text>`,
    `<text x="${left + width}" y="22" text-anchor="end" font-size="12.5" fill="#222">${escapeXml(yLabel)}</text>`,
  ];
  const base = `<path d="M${left} ${bottom}H${left + width}" stroke="#999"/>`;
  return [...rows, ...columns, base, ...names].join("");
}
