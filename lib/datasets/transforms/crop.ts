import { cropLabelMap, cropPicture, type Window } from "../../images/geometry.js";
import type { LabelMap, Picture } from "../../images/picture.js";
import { cropRle } from "../../masks/transforms.js";
import type { Random } from "../../random.js";
import type { Instances, Sample } from "../types.js";
import { moveBoxes, selectInstances, withExtent } from "./instances.js";
import type { RandomCropSpec } from "./specs.js";

const TRIES = 10;

/** Cuts a window of at most width × height out at a random place. */
export function randomCrop(sample: Sample, spec: RandomCropSpec, random: Random): Sample {
  const { picture, labelMap } = sample;
  let window = drawWindow(picture, spec, random);
  if (labelMap === undefined || spec.maxClassShare === undefined) return cropSample(sample, window);
  let part = cropLabelMap(labelMap, window);
  for (let i = 0; i < TRIES && isMonotonous(part, spec.maxClassShare); i++) {
    window = drawWindow(picture, spec, random);
    part = cropLabelMap(labelMap, window);
  }
  return cropSample(sample, window, part);
}

/**
 * Cuts a window out of the picture and what is annotated on it; objects that lie outside are left out.
 *
 * @param labelMap the label map's window, where it has been cut out already
 */
export function cropSample(
  sample: Sample,
  window: Window,
  labelMap = sample.labelMap && cropLabelMap(sample.labelMap, window),
): Sample {
  const { picture, meta, instances } = sample;
  return {
    ...sample,
    picture: cropPicture(picture, window),
    meta: { ...meta, width: window.width, height: window.height },
    ...(instances === undefined ? {} : { instances: cropInstances(instances, window) }),
    ...(labelMap === undefined ? {} : { labelMap }),
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
function isMonotonous({ data }: LabelMap, share: number): boolean {
  const counts = histogram(data);
  let total = 0;
  let largest = 0;
  for (let label = 0; label < IGNORED; label++) {
    total += counts[label]!;
    largest = Math.max(largest, counts[label]!);
  }
  return largest === total || largest >= share * total;
}

const IGNORED = 255;

/** How often each byte occurs. Four tables in turn: neighbours are mostly equal, and would wait for each other's count. */
function histogram(data: Uint8Array): Uint32Array {
  const counts = new Uint32Array(4 * 256);
  const whole = data.length - (data.length % 4);
  for (let i = 0; i < whole; i += 4) {
    counts[data[i]!]!++;
    counts[256 + data[i + 1]!]!++;
    counts[512 + data[i + 2]!]!++;
    counts[768 + data[i + 3]!]!++;
  }
  for (let i = whole; i < data.length; i++) counts[data[i]!]!++;
  return counts.subarray(0, 256).map((n, k) => n + counts[256 + k]! + counts[512 + k]! + counts[768 + k]!);
}

function cropInstances(instances: Instances, window: Window): Instances {
  const { left, top, width, height } = window;
  const boxes = moveBoxes(instances.boxes, { x: -left, y: -top }, window);
  const kept = selectInstances({ ...instances, boxes }, withExtent({ ...instances, boxes }));
  return { ...kept, masks: kept.masks.map((mask) => mask && cropRle(mask, { x: left, y: top, width, height })) };
}
