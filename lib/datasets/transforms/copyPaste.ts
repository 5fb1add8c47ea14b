import { z } from "zod";
import { mergeRles } from "../../masks/overlap.js";
import { decodeRle, rleArea, rleBoxXyxy } from "../../masks/rle.js";
import { subtractRle } from "../../masks/transforms.js";
import type { Rle } from "../../masks/types.js";
import type { Image } from "../../pixels/image.js";
import type { Random } from "../../random.js";
import { count, fraction } from "../../schemas/fields.js";
import { joinInstances, placeMasks, selectInstances, tightenBoxes } from "../instances.js";
import type { Instances, Sample } from "../types.js";
import { transform } from "./transform.js";

const schema = z.strictObject({
  type: z.literal("copyPaste"),
  probability: fraction("Probability of pasting objects of another image onto this one").default(1),
  maxObjects: count("Their number is drawn from 0 to below this").default(100),
  maxBoxShift: z
    .number()
    .min(0)
    .default(10)
    .describe("An object underneath stays if its box changed by at most this many pixels, or …"),
  minVisible: count("… if more pixels than this are still visible", 0).default(300),
});

type Spec = z.output<typeof schema>;

/**
 * Simple Copy-Paste (Ghiasi et al., 2021) with MMDetection's numbers: some objects of another image, cut out by their
 * masks, are pasted into this one at their original place; without blurred edges, which made no difference in the
 * paper. Crowds and objects without a mask are not copied.
 */
export const copyPaste = transform({
  schema,
  apply: (sample, spec, random, [other]) => (other === undefined ? sample : pasteSome(sample, other, spec, random)),
  mixes: ({ probability }) => ({ images: 1, probability }),
  needsMasks: true,
  notForLabelMaps: "copyPaste pastes objects onto images, and label maps have none",
});

function pasteSome(sample: Sample, other: Sample, spec: Spec, random: Random): Sample {
  const theirs = other.instances;
  if (sample.instances === undefined || theirs === undefined) return sample;
  const candidates = Array.from(theirs.labels.keys()).filter(
    (i) => theirs.crowd[i] === 0 && theirs.masks[i] !== undefined,
  );
  const most = Math.min(candidates.length + 1, spec.maxObjects);
  const number = random.integer(most);
  const chosen = Array.from(random.choose(candidates.length, number), (i) => candidates[i]!);
  return pasteObjects(sample, other, chosen, spec);
}

/**
 * Pastes objects of `other` onto `sample`, top left corner on top left corner; what extends beyond the edge is cut off.
 * The masks beneath lose the covered pixels and their boxes are recomputed. Such an object stays if every edge of its
 * box moved by at most `maxBoxShift` pixels or more than `minVisible` pixels of it are visible.
 */
export function pasteObjects(
  sample: Sample,
  other: Sample,
  chosen: readonly number[],
  options: Pick<Spec, "maxBoxShift" | "minVisible">,
): Sample {
  const { image, instances } = sample;
  if (instances === undefined || other.instances === undefined) return sample;
  const { width, height } = image;
  const picked = selectInstances(other.instances, chosen);
  const masks = placeMasks(picked.masks, { width, height });
  const pasted = tightenBoxes({ ...picked, masks });
  const shapes = pasted.masks.filter((mask) => mask !== undefined);
  if (shapes.length === 0) return sample;
  const cover = mergeRles(shapes, "union");
  const beneath = uncovered(instances, cover, options);
  return {
    ...sample,
    image: pastePixels(image, other.image, cover),
    meta: { ...sample.meta, width, height }, // what was padding may have objects now
    instances: joinInstances([beneath, pasted]),
  };
}

function uncovered(
  instances: Instances,
  cover: Rle,
  { maxBoxShift, minVisible }: Pick<Spec, "maxBoxShift" | "minVisible">,
): Instances {
  const masks = instances.masks.map((mask) => mask && subtractRle(mask, cover));
  const boxes = instances.boxes.slice();
  const kept = Array.from(instances.labels.keys()).filter((i) => {
    const mask = masks[i];
    if (mask === undefined) return true; // how much of it is hidden is unknown
    const visible = rleArea(mask);
    if (visible === 0) return false;
    if (visible === rleArea(instances.masks[i]!)) return true; // untouched: its box stays as annotated
    const seen = rleBoxXyxy(mask);
    const before = instances.boxes.subarray(i * 4, i * 4 + 4);
    boxes.set(seen, i * 4);
    return visible > minVisible || seen.every((edge, k) => Math.abs(edge - before[k]!) <= maxBoxShift);
  });
  return selectInstances({ ...instances, boxes, masks }, kept);
}

function pastePixels(below: Image, above: Image, cover: Rle): Image {
  const data = below.data.slice();
  const covered = decodeRle(cover);
  const width = Math.min(below.width, above.width);
  for (let y = 0; y < Math.min(below.height, above.height); y++) {
    for (let x = 0; x < width; x++) {
      if (covered[y * below.width + x] === 0) continue;
      const from = (y * above.width + x) * 3;
      data.set(above.data.subarray(from, from + 3), (y * below.width + x) * 3);
    }
  }
  return { ...below, data };
}
