import { z } from "zod";
import type { Size, Window } from "../../pixels/image.js";
import type { Random } from "../../random.js";
import { fraction, positive } from "../../schemas/fields.js";
import { cropSample } from "../geometry.js";
import { selectInstances } from "../instances.js";
import type { Sample } from "../types.js";
import { transform } from "./transform.js";

const TRIES = 50;

const schema = z.strictObject({
  type: z.literal("minIouCrop"),
  minIous: z
    .array(fraction("IoU"))
    .default([0.1, 0.3, 0.5, 0.7, 0.9])
    .describe("The window's minimum IoU with every box is drawn from these, 0, and no crop at all"),
  minSize: positive("Minimum share of the image's width and height").max(1).default(0.3),
});

/**
 * SSD's crop (Liu et al., 2016) as MMDetection's MinIoURandomCrop has it: no crop, any crop, or one that overlaps every
 * box by at least a drawn IoU; sides of `minSize`–1 of the image's, height ÷ width within ½–2. Objects with their
 * centre outside are removed. After 50 windows that do not fit, the overlap is drawn again.
 */
export const minIouCrop = transform({ schema, apply: cropByOverlap });

function cropByOverlap(sample: Sample, { minIous, minSize }: z.output<typeof schema>, random: Random): Sample {
  const choices = [1, ...minIous, 0];
  const boxes = sample.instances?.boxes ?? new Float32Array(0);
  for (;;) {
    const least = choices[random.integer(choices.length)]!;
    if (least === 1) return sample;
    for (let i = 0; i < TRIES; i++) {
      const window = drawWindow(sample.image, minSize, random);
      if (window !== undefined && isAllowed(boxes, window, least)) return cropToCentred(sample, window);
    }
  }
}

function drawWindow(size: Size, least: number, random: Random): Window | undefined {
  const width = random.uniform(least * size.width, size.width);
  const height = random.uniform(least * size.height, size.height);
  if (height < width / 2 || height > width * 2) return undefined;
  const x = random.uniform(0, size.width - width);
  const y = random.uniform(0, size.height - height);
  const [left, top] = [Math.trunc(x), Math.trunc(y)];
  const window = { left, top, width: Math.trunc(x + width) - left, height: Math.trunc(y + height) - top };
  return window.width > 0 && window.height > 0 ? window : undefined;
}

/** Whether a window overlaps each box by at least this IoU and holds the centre of one; true without any box. */
export function isAllowed(boxes: Float32Array, window: Window, leastIou: number): boolean {
  let centred = boxes.length === 0;
  for (let i = 0; i < boxes.length; i += 4) {
    const box = boxes.subarray(i, i + 4);
    if (iou(box, window) < leastIou) return false;
    centred ||= hasCentre(box, window);
  }
  return centred;
}

/** Cuts out a window, without objects whose box has its centre outside. */
export function cropToCentred(sample: Sample, window: Window): Sample {
  const { instances } = sample;
  if (instances === undefined) return cropSample(sample, window);
  const kept = Array.from(instances.labels.keys()).filter((i) =>
    hasCentre(instances.boxes.subarray(i * 4, i * 4 + 4), window),
  );
  return cropSample({ ...sample, instances: selectInstances(instances, kept) }, window);
}

function hasCentre(box: Float32Array, { left, top, width, height }: Window): boolean {
  const [x, y] = [(box[0]! + box[2]!) / 2, (box[1]! + box[3]!) / 2];
  return x > left && y > top && x < left + width && y < top + height;
}

function iou(box: Float32Array, { left, top, width, height }: Window): number {
  const across = Math.min(box[2]!, left + width) - Math.max(box[0]!, left);
  const down = Math.min(box[3]!, top + height) - Math.max(box[1]!, top);
  const shared = Math.max(0, across) * Math.max(0, down);
  const own = (box[2]! - box[0]!) * (box[3]! - box[1]!);
  return shared / Math.max(own + width * height - shared, 1e-6);
}
