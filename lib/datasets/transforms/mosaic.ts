import { z } from "zod";
import { cropImage, cropLabelMap } from "../../pixels/geometry.js";
import { IGNORED_LABEL, type Image, type LabelMap } from "../../pixels/image.js";
import type { Random } from "../../random.js";
import { fraction, side } from "../../schemas/fields.js";
import { resizeSample } from "../geometry.js";
import { joinInstances, moveBoxes, placeMasks, selectInstances, tightenBoxes, withExtent } from "../instances.js";
import type { Instances, Sample } from "../types.js";
import { colour, interpolation, range, transform } from "./transform.js";

const schema = z.strictObject({
  type: z.literal("mosaic"),
  probability: fraction("Probability of combining four images").default(1),
  width: side("Each image is scaled to fit; the result is twice as wide"),
  height: side("Each image is scaled to fit; the result is twice as high"),
  centre: range("Where the four meet, in widths and heights").default([0.5, 1.5]),
  fill: colour.default([114, 114, 114]).describe("Red, green, blue of 0–255 outside the images"),
  interpolation,
});

type Spec = z.output<typeof schema>;
type Joining = Pick<Spec, "width" | "height" | "fill" | "interpolation">;

/** Four images around a point of a canvas with twice the width and height, as in YOLOv4, YOLOX and MMDetection. */
export const mosaic = transform({
  schema,
  apply: (sample, spec, random, partners) =>
    partners.length < 3 ? sample : joinAnywhere([sample, ...partners], spec, random),
  mixes: ({ probability }) => ({ images: 3, probability }),
});

function joinAnywhere(samples: readonly Sample[], spec: Spec, random: Random): Sample {
  const draw = (length: number): number => Math.trunc(random.uniform(...spec.centre) * length);
  const centre = { x: draw(spec.width), y: draw(spec.height) };
  return joinFour(samples, spec, centre);
}

/** Where a scaled image is on the canvas; most of it may be outside. */
interface Tile {
  readonly sample: Sample;
  readonly x: number;
  readonly y: number;
}

/**
 * Puts four images together: each fits into width × height by its longer side and touches `centre` with a corner, top
 * left, top right, bottom left, bottom right; what extends beyond the canvas of 2 width × 2 height is cut off.
 */
export function joinFour(
  samples: readonly Sample[],
  spec: Joining,
  centre: { readonly x: number; readonly y: number },
): Sample {
  const canvas = { width: 2 * spec.width, height: 2 * spec.height };
  const tiles = samples.slice(0, 4).map((sample, i): Tile => {
    const scaled = fit(sample, spec);
    const { width, height } = scaled.image;
    return { sample: scaled, x: centre.x - (i % 2 === 0 ? width : 0), y: centre.y - (i < 2 ? height : 0) };
  });
  const [first] = tiles;
  if (first === undefined) throw new RangeError("a mosaic of no images");
  const { instances, labelMap } = first.sample;
  return {
    ...first.sample,
    image: canvasImage(tiles, canvas, spec.fill),
    meta: { ...first.sample.meta, ...canvas },
    ...(instances === undefined ? {} : { instances: joinInstances(tiles.map((tile) => placed(tile, canvas))) }),
    ...(labelMap === undefined ? {} : { labelMap: canvasLabels(tiles, canvas) }),
  };
}

function fit(sample: Sample, spec: Joining): Sample {
  const { width, height } = sample.image;
  const scale = Math.min(spec.width / width, spec.height / height);
  const side = (length: number): number => Math.max(1, Math.trunc(length * scale));
  return resizeSample(sample, { width: side(width), height: side(height) }, spec);
}

interface Canvas {
  readonly width: number;
  readonly height: number;
}

/** The part of a tile that is on the canvas, in the tile's pixels. */
function visible({ sample: { image }, x, y }: Tile, canvas: Canvas) {
  const [left, top] = [Math.max(0, -x), Math.max(0, -y)];
  const width = Math.min(image.width, canvas.width - x) - left;
  const height = Math.min(image.height, canvas.height - y) - top;
  return width > 0 && height > 0 ? { left, top, width, height } : undefined;
}

function canvasImage(tiles: readonly Tile[], canvas: Canvas, fill: readonly [number, number, number]): Image {
  const data = new Uint8Array(canvas.width * canvas.height * 3);
  for (let i = 0; i < data.length; i += 3) data.set(fill, i);
  for (const tile of tiles) {
    const window = visible(tile, canvas);
    if (window !== undefined) place(cropImage(tile.sample.image, window), data, tile, window, canvas, 3);
  }
  return { ...canvas, data };
}

function canvasLabels(tiles: readonly Tile[], canvas: Canvas): LabelMap {
  const data = new Uint8Array(canvas.width * canvas.height).fill(IGNORED_LABEL);
  for (const tile of tiles) {
    const window = visible(tile, canvas);
    const { labelMap } = tile.sample;
    if (window !== undefined && labelMap !== undefined) {
      place(cropLabelMap(labelMap, window), data, tile, window, canvas, 1);
    }
  }
  return { ...canvas, data };
}

function place(
  part: Image | LabelMap,
  data: Uint8Array,
  { x, y }: Tile,
  { left, top }: { readonly left: number; readonly top: number },
  canvas: Canvas,
  channels: number,
): void {
  const stride = part.width * channels;
  for (let row = 0; row < part.height; row++) {
    const to = ((y + top + row) * canvas.width + x + left) * channels;
    data.set(part.data.subarray(row * stride, (row + 1) * stride), to);
  }
}

/** A tile's objects on the canvas, with boxes recomputed from the masks. */
function placed({ sample: { instances }, x, y }: Tile, canvas: Canvas): Instances {
  if (instances === undefined) return joinInstances([]);
  const boxes = moveBoxes(instances.boxes, { x, y }, canvas);
  const kept = selectInstances({ ...instances, boxes }, withExtent({ ...instances, boxes }));
  return tightenBoxes({ ...kept, masks: placeMasks(kept.masks, canvas, { x, y }) });
}
