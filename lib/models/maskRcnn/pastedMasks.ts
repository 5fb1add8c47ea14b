import {
  abs,
  add,
  axisRange,
  cast,
  constant,
  div,
  less,
  matMul,
  maximum,
  mul,
  reshape,
  scalar,
  slice,
  sub,
  type Value,
  where,
} from "../../graph/index.js";

/** Boxes thinner than this, in pixels, are widened to it before masks are pasted. */
const THINNEST = 1e-3;

/**
 * Mask probabilities stretched over their boxes, bilinearly between cell centres and towards 0 beyond them: uint8
 * [B, P, H, W], 1 from `threshold` on. `pasteMasks` in lib/masks does the same on the host.
 *
 * @param masks [B, P, s, s]; @param boxes [B, P, 4] xyxy in the pixels pasted into
 * @param images [B, 3, H, W], masks get its size
 */
export function pastedMasks(masks: Value, boxes: Value, images: Value, threshold: number): Value {
  const cells = masks.shape[3]!;
  const rows = cellWeights(boxes, 1, axisRange(images, 2), cells); // [B, P, H, s]
  const columns = cellWeights(boxes, 0, axisRange(images, 3), cells); // [B, P, W, s]
  const probabilities = matMul(matMul(rows, masks), columns, { transposeB: true });
  return cast(where(less(probabilities, scalar(threshold)), scalar(0), scalar(1)), "uint8");
}

/**
 * The weight of each mask cell in a pixel along one axis (0 = x, 1 = y): [B, P, n, cells], a triangle around each
 * centre.
 */
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
