import type { Random } from "../../random.js";
import type { Sample } from "../types.js";
import { centreCrop, randomResizedCrop } from "./classification.js";
import { drawJitter, jitterColours } from "./colourJitter.js";
import { copyPaste } from "./copyPaste.js";
import { randomCrop } from "./crop.js";
import { randomErasing } from "./erase.js";
import { flipSample } from "./flip.js";
import { minIouCrop } from "./iouCrop.js";
import { mosaic } from "./mosaic.js";
import { padSample } from "./pad.js";
import { distortColours } from "./photometric.js";
import { randAugment } from "./randAugment.js";
import { resizeByScale, resizeSample } from "./resize.js";
import { drawRatio, drawScale, largeScaleJitter, resizeTo } from "./scale.js";
import type { TransformSpec } from "./specs.js";

/**
 * Applies the steps in order. Each returns a new sample; all random choices come from `random`.
 *
 * @param partners by number of the step, what it mixes in; a mixing step without partners does nothing
 */
export function applyTransforms(
  sample: Sample,
  specs: readonly TransformSpec[],
  random: Random,
  partners: ReadonlyMap<number, readonly Sample[]> = new Map(),
): Sample {
  return specs.reduce((current, spec, i) => applyTransform(current, spec, random, partners.get(i)), sample);
}

export function applyTransform(
  sample: Sample,
  spec: TransformSpec,
  random: Random,
  partners: readonly Sample[] = [],
): Sample {
  switch (spec.type) {
    case "resize": {
      const [width, height] = spec.scale;
      return spec.keepRatio === false ? resizeSample(sample, { width, height }, spec) : resizeByScale(sample, spec);
    }
    case "randomScale":
      return resizeByScale(sample, { ...spec, scale: drawRatio(spec, random) });
    case "randomResize":
      return resizeTo(sample, drawScale(spec, random), spec);
    case "largeScaleJitter":
      return largeScaleJitter(sample, spec, random);
    case "randomFlip":
      return random.next() < (spec.probability ?? 0.5) ? flipSample(sample, spec.direction) : sample;
    case "randomCrop":
      return randomCrop(sample, spec, random);
    case "minIouCrop":
      return minIouCrop(sample, spec, random);
    case "photometricDistortion":
      return { ...sample, picture: distortColours(sample.picture, spec, random) };
    case "colourJitter":
      return { ...sample, picture: jitterColours(sample.picture, drawJitter(spec, random)) };
    case "randomErasing":
      return randomErasing(sample, spec, random);
    case "randAugment":
      return randAugment(sample, spec, random);
    case "copyPaste":
      return partners[0] === undefined ? sample : copyPaste(sample, partners[0], spec, random);
    case "mosaic":
      return partners.length < 3 ? sample : mosaic(sample, partners, spec, random);
    case "pad":
      return padSample(sample, spec);
    case "randomResizedCrop":
      return randomResizedCrop(sample, spec, random);
    case "centreCrop":
      return centreCrop(sample, spec);
  }
}
