/** A colour in sRGB, each part 0–255. */
export type Colour = readonly [red: number, green: number, blue: number];

const GOLDEN_TURN = 137.508; // degrees; successive hues fall into the widest gap left
const FIRST_HUE = 289; // degrees
const LIGHTNESS = [0.61, 0.82, 0.42] as const;
/**
 * Golden-angle steps almost repeat after 21 (a Fibonacci number, and a multiple of 3): each round has another lightness
 * and chroma.
 */
const ROUND = 21;
const ROUNDS = [
  { lighter: 0, chroma: 0.3 },
  { lighter: 0.12, chroma: 0.21 },
  { lighter: -0.11, chroma: 0.23 },
  { lighter: -0.01, chroma: 0.14 },
] as const;
const ROUND_TURN = 139; // degrees

/**
 * `count` colours that differ well, the first ones the same whatever the count: hues in golden angle steps at three
 * levels of lightness, in the OKLCH space, where equal steps look equal, as saturated as sRGB allows. The numbers were
 * chosen by search to maximise the smallest CIEDE2000 distance: 21.5 between any two of the first 20 colours, 8.7 for
 * 80.
 */
export function classPalette(count: number): Colour[] {
  return Array.from({ length: count }, (_, i) => {
    const round = Math.floor(i / ROUND);
    const { lighter, chroma } = ROUNDS[round % ROUNDS.length]!;
    return oklch(LIGHTNESS[i % LIGHTNESS.length]! + lighter, chroma, FIRST_HUE + i * GOLDEN_TURN + round * ROUND_TURN);
  });
}

/** Colours for lines on white: dark enough to stand out, the first one blue. */
export function linePalette(count: number): Colour[] {
  return Array.from({ length: count }, (_, i) => oklch(i % 2 === 0 ? 0.55 : 0.65, 0.18, 258 + i * GOLDEN_TURN));
}

/** "#rrggbb" */
export function hexOf([red, green, blue]: Colour): string {
  return `#${((red << 16) | (green << 8) | blue).toString(16).padStart(6, "0")}`;
}

/** Black or white, whichever is easier to read on this colour. */
export function textColourOn(colour: Colour): "#111" | "#fff" {
  const [red, green, blue] = colour.map((v) => decodeGamma(v / 255)) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.3 ? "#111" : "#fff";
}

/** A colour by OKLab lightness, chroma and hue in degrees; chroma is lowered until it fits into sRGB. */
function oklch(lightness: number, chroma: number, hue: number): Colour {
  const angle = (hue * Math.PI) / 180;
  for (let c = chroma; ; c -= 0.01) {
    const rgb = linearRgb(lightness, c * Math.cos(angle), c * Math.sin(angle));
    if (c <= 0 || rgb.every((v) => v >= -1e-3 && v <= 1.001)) {
      const [red, green, blue] = rgb.map((v) => Math.round(encodeGamma(Math.min(Math.max(v, 0), 1)) * 255));
      return [red!, green!, blue!];
    }
  }
}

/** OKLab to linear sRGB (Ottosson, 2020). */
function linearRgb(lightness: number, a: number, b: number): readonly [number, number, number] {
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short,
  ];
}

const encodeGamma = (v: number): number => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);
const decodeGamma = (v: number): number => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
