import type { Random } from "../../random.js";
import type { Sample } from "../types.js";
import { centreCrop, randomResizedCrop } from "./classification.js";
import { randomCrop } from "./crop.js";
import { flipSample } from "./flip.js";
import { padSample } from "./pad.js";
import { distortColours } from "./photometric.js";
import { resizeByScale, resizeSample } from "./resize.js";
import type { TransformSpec } from "./specs.js";

/** Applies the steps in order. Each returns a new sample; all random choices come from `random`. */
export function applyTransforms(sample: Sample, specs: readonly TransformSpec[], random: Random): Sample {
  return specs.reduce((current, spec) => applyTransform(current, spec, random), sample);
}

export function applyTransform(sample: Sample, spec: TransformSpec, random: Random): Sample {
  switch (spec.type) {
    case "resize": {
      const [width, height] = spec.scale;
      return spec.keepRatio === false ? resizeSample(sample, { width, height }, spec) : resizeByScale(sample, spec);
    }
    case "randomScale": {
      const factor = random.uniform(...spec.ratioRange);
      const [first, second] = spec.scale.map((side) => Math.max(1, Math.trunc(side * factor))) as [number, number];
      return resizeByScale(sample, { ...spec, scale: [first, second] });
    }
    case "randomFlip":
      return random.next() < (spec.probability ?? 0.5) ? flipSample(sample) : sample;
    case "randomCrop":
      return randomCrop(sample, spec, random);
    case "photometricDistortion":
      return { ...sample, picture: distortColours(sample.picture, spec, random) };
    case "pad":
      return padSample(sample, spec);
    case "randomResizedCrop":
      return randomResizedCrop(sample, spec, random);
    case "centreCrop":
      return centreCrop(sample, spec);
  }
}
