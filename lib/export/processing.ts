import {
  abs,
  add,
  and,
  argMax,
  axisRange,
  cast,
  concat,
  constant,
  div,
  input,
  less,
  matMul,
  maximum,
  mul,
  reshape,
  resizeBilinear,
  scalar,
  slice,
  sub,
  transpose,
  type Value,
  where,
} from "../graph/index.js";
import type { Normalisation } from "../images/normalise.js";

/** A picture's height and width by batch, int32 [B, 2], as an input of the model. */
export const sizesInput = (name: string, batch: number): Value => input(name, [batch, 2], "int32");

/** [B, 2] height, width → float32 [B, 4] width, height, width, height. */
export function widthHeightTwice(sizes: Value): Value {
  const height = slice(sizes, { axis: 1, end: 1 });
  const width = slice(sizes, { axis: 1, start: 1 });
  return cast(concat([width, height, width, height], 1), "float32");
}

/**
 * Pictures uint8 [B, H, W, 3] → float32 [B, 3, H, W], normalised; what lies beyond a picture's size becomes 0, as it is
 * for the network in training.
 *
 * @param sizes int32 [B, 2] height and width of each picture within the padded ones
 */
export function normalised(pictures: Value, sizes: Value, { mean, std }: Normalisation): Value {
  const channels = (numbers: readonly number[]) => constant(numbers, [1, 3, 1, 1]);
  const planes = cast(transpose(pictures, [0, 3, 1, 2]), "float32");
  const values = div(sub(planes, channels(mean)), channels(std));
  const [batch, , height, width] = values.shape as [number, number, number, number];
  const side = (index: number) => reshape(slice(sizes, { axis: 1, start: index, end: index + 1 }), [batch, 1, 1, 1]);
  const inside = and(
    less(reshape(axisRange(values, 2), [1, 1, height, 1]), side(0)),
    less(reshape(axisRange(values, 3), [1, 1, 1, width]), side(1)),
  );
  return where(inside, values, scalar(0));
}

/** Logits [B, K, h, w] → the likeliest class of each pixel, uint8 [B, height, width]. */
export function labelMap(logits: Value, size: readonly [height: number, width: number]): Value {
  return cast(argMax(resizeBilinear(logits, size), 1), "uint8");
}

/** Boxes thinner than this, in pixels, are widened to it before masks are pasted. */
const THINNEST = 1e-3;

/**
 * Mask probabilities stretched over their boxes, bilinearly between cell centres and towards 0 beyond them: uint8
 * [B, P, H, W], 1 from `threshold` on. `pasteMasks` in lib/masks does the same on the host.
 *
 * @param masks [B, P, s, s]; @param boxes [B, P, 4] xyxy in the pixels pasted into
 * @param images [B, 3, H, W], whose size is pasted into
 */
export function pastedMasks(masks: Value, boxes: Value, images: Value, threshold: number): Value {
  const cells = masks.shape[3]!;
  const rows = cellWeights(boxes, 1, axisRange(images, 2), cells); // [B, P, H, s]
  const columns = cellWeights(boxes, 0, axisRange(images, 3), cells); // [B, P, W, s]
  const probabilities = matMul(matMul(rows, masks), columns, { transposeB: true });
  return cast(where(less(probabilities, scalar(threshold)), scalar(0), scalar(1)), "uint8");
}

/** How much of each mask cell a pixel takes along one axis (0 = x, 1 = y): [B, P, n, cells], a triangle around each centre. */
function cellWeights(boxes: Value, axis: 0 | 1, pixels: Value, cells: number): Value {
  const [batch, places] = boxes.shape as [number, number, number];
  const corner = (at: number) => reshape(slice(boxes, { axis: 2, start: at, end: at + 1 }), [batch, places, 1, 1]);
  const low = corner(axis);
  const side = maximum(sub(corner(axis + 2), low), scalar(THINNEST));
  const along = reshape(cast(pixels, "float32"), [1, 1, pixels.shape[0]!, 1]);
  const position = sub(mul(div(sub(add(along, scalar(0.5)), low), side), scalar(cells)), scalar(0.5)); // in cells
  const centres = constant(
    Array.from({ length: cells }, (_, i) => i),
    [1, 1, 1, cells],
  );
  return maximum(sub(scalar(1), abs(sub(position, centres))), scalar(0));
}
