import { cropLabelMap, cropPicture } from "../../images/geometry.js";
import { countLabels } from "../../images/labelCounts.js";
import { IGNORED_LABEL, type Picture, type Window } from "../../images/picture.js";
import { cropRle } from "../../masks/transforms.js";
import type { Random } from "../../random.js";
import type { Instances, Sample } from "../types.js";
import { moveBoxes, selectInstances, withExtent } from "./instances.js";
import type { RandomCropSpec } from "./specs.js";

const TRIES = 10;

/** Cuts a window of at most width × height out at a random place. */
export function randomCrop(sample: Sample, spec: RandomCropSpec, random: Random): Sample {
  const { picture, labelMap } = sample;
  const { maxClassShare } = spec;
  let window = drawWindow(picture, spec, random);
  if (labelMap !== undefined && maxClassShare !== undefined) {
    for (let i = 0; i < TRIES && isMonotonous(countLabels(labelMap, window), maxClassShare); i++) {
      window = drawWindow(picture, spec, random);
    }
  }
  return cropSample(sample, window);
}

/** Cuts a window out of the picture and what is annotated on it; objects that lie outside are left out. */
export function cropSample(sample: Sample, window: Window): Sample {
  const { picture, meta, instances, labelMap } = sample;
  return {
    ...sample,
    picture: cropPicture(picture, window),
    meta: { ...meta, width: window.width, height: window.height },
    ...(instances === undefined ? {} : { instances: cropInstances(instances, window) }),
    ...(labelMap === undefined ? {} : { labelMap: cropLabelMap(labelMap, window) }),
  };
}

function drawWindow(picture: Picture, spec: RandomCropSpec, random: Random): Window {
  const width = Math.min(spec.width, picture.width);
  const height = Math.min(spec.height, picture.height);
  const top = random.integer(picture.height - height + 1);
  const left = random.integer(picture.width - width + 1);
  return { left, top, width, height };
}

/** Whether one class has `share` of the valid pixels or more, or there is but one. */
function isMonotonous(counts: Float64Array, share: number): boolean {
  const valid = counts.subarray(0, IGNORED_LABEL);
  const total = valid.reduce((sum, count) => sum + count, 0);
  const largest = Math.max(...valid);
  return largest === total || largest >= share * total;
}

function cropInstances(instances: Instances, window: Window): Instances {
  const { left, top, width, height } = window;
  const boxes = moveBoxes(instances.boxes, { x: -left, y: -top }, window);
  const kept = selectInstances({ ...instances, boxes }, withExtent({ ...instances, boxes }));
  return { ...kept, masks: kept.masks.map((mask) => mask && cropRle(mask, { x: left, y: top, width, height })) };
}
