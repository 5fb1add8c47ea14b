import { changeHsv, scaleValues } from "../../images/colour.js";
import type { Picture } from "../../images/picture.js";
import type { Random } from "../../random.js";
import type { PhotometricDistortionSpec } from "./specs.js";

/**
 * The distortion of SSD training (Liu et al., 2016) in the order MMSegmentation applies it: brightness; contrast now or
 * at the end, by a coin; saturation; hue; each with probability one half. Saturation and hue change in one pass.
 */
export function distortColours(picture: Picture, spec: PhotometricDistortionSpec, random: Random): Picture {
  const coin = (): boolean => random.next() < 0.5;
  const brightness = spec.brightness ?? 32;
  const hue = spec.hue ?? 36;
  const gain = spec.contrast ?? [0.5, 1.5];
  let current = picture;
  if (coin()) current = scaleValues(current, 1, random.uniform(-brightness, brightness));
  const contrastFirst = coin();
  if (contrastFirst && coin()) current = scaleValues(current, random.uniform(...gain), 0);
  const saturation = coin() ? random.uniform(...(spec.saturation ?? [0.5, 1.5])) : 1;
  const turn = coin() ? random.uniform(-hue, hue) : 0;
  if (saturation !== 1 || turn !== 0) current = changeHsv(current, { saturation, hue: turn });
  if (!contrastFirst && coin()) current = scaleValues(current, random.uniform(...gain), 0);
  return current;
}
