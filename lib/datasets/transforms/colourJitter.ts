import { z } from "zod";
import { adjustBrightness, adjustContrast, adjustHue, adjustSaturation } from "../../pixels/adjust.js";
import type { Image } from "../../pixels/image.js";
import type { Random } from "../../random.js";
import { transform } from "./transform.js";

const factor = () => z.number().min(0).default(0).describe("Factor drawn from 1 ± this");

const schema = z.strictObject({
  type: z.literal("colourJitter"),
  brightness: factor(),
  contrast: factor(),
  saturation: factor(),
  hue: z.number().min(0).max(0.5).default(0).describe("Largest turn, in shares of the circle"),
});

/** torchvision's ColorJitter. */
export const colourJitter = transform({
  schema,
  apply: (sample, spec, random) => ({ ...sample, image: jitterColours(sample.image, drawJitter(spec, random)) }),
});

/** One change of a colour jitter: a factor, or for the hue a rotation as a share of the circle. */
export type ColourChange = readonly [kind: keyof typeof CHANGES, amount: number];

const CHANGES = {
  brightness: adjustBrightness,
  contrast: adjustContrast,
  saturation: adjustSaturation,
  hue: adjustHue,
} as const;

/** The changes in the order drawn, without those that are switched off. */
export function drawJitter(spec: Omit<z.output<typeof schema>, "type">, random: Random): ColourChange[] {
  const kinds: ("brightness" | "contrast" | "saturation" | "hue")[] = ["brightness", "contrast", "saturation", "hue"];
  return random.shuffle(kinds).flatMap((kind): ColourChange[] => {
    const amount = spec[kind];
    if (amount === 0) return [];
    if (kind === "hue") return [[kind, random.uniform(-amount, amount)]];
    return [[kind, random.uniform(Math.max(0, 1 - amount), 1 + amount)]];
  });
}

export function jitterColours(image: Image, changes: readonly ColourChange[]): Image {
  return changes.reduce((current, [kind, amount]) => CHANGES[kind](current, amount), image);
}
