import type { Window } from "../../images/picture.js";
import type { Random } from "../../random.js";
import type { Sample } from "../types.js";
import { cropSample } from "./crop.js";
import { resizeSample } from "./resize.js";
import type { CentreCropSpec, RandomResizedCropSpec } from "./specs.js";

/** The inception crop: up to ten draws of a window by area and aspect, then the largest middle one of allowed aspect. */
export function randomResizedCrop(sample: Sample, spec: RandomResizedCropSpec, random: Random): Sample {
  const { width, height } = sample.picture;
  const aspects = spec.aspect ?? [3 / 4, 4 / 3];
  const size = { width: spec.size, height: spec.size };
  for (let i = 0; i < 10; i++) {
    const area = width * height * random.uniform(...(spec.area ?? [0.08, 1]));
    const aspect = Math.exp(random.uniform(Math.log(aspects[0]), Math.log(aspects[1])));
    const wide = Math.round(Math.sqrt(area * aspect));
    const tall = Math.round(Math.sqrt(area / aspect));
    if (wide < 1 || tall < 1 || wide > width || tall > height) continue;
    const window = {
      top: random.integer(height - tall + 1),
      left: random.integer(width - wide + 1),
      width: wide,
      height: tall,
    };
    return resizeSample(cropSample(sample, window), size, spec);
  }
  const wide = Math.min(width, Math.round(height * aspects[1]));
  const tall = Math.min(height, Math.round(width / aspects[0]));
  return resizeSample(cropSample(sample, middle(width, height, wide, tall)), size, spec);
}

/** Resizes the short side, then cuts the middle square out. */
export function centreCrop(sample: Sample, spec: CentreCropSpec): Sample {
  const { width, height } = sample.picture;
  const factor = spec.resize / Math.min(width, height);
  const size = { width: Math.round(width * factor), height: Math.round(height * factor) };
  const resized = resizeSample(sample, size, spec);
  return cropSample(resized, middle(size.width, size.height, spec.size, spec.size));
}

function middle(width: number, height: number, wide: number, tall: number): Window {
  const [cutWidth, cutHeight] = [Math.min(wide, width), Math.min(tall, height)];
  return {
    left: Math.round((width - cutWidth) / 2),
    top: Math.round((height - cutHeight) / 2),
    width: cutWidth,
    height: cutHeight,
  };
}
