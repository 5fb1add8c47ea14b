import {
  and,
  axisRange,
  cast,
  concat,
  constant,
  div,
  input,
  less,
  reshape,
  scalar,
  slice,
  sub,
  transpose,
  type Value,
  where,
} from "../graph/index.js";
import type { Normalisation } from "../pixels/normalise.js";

/** An image's height and width by batch, int32 [B, 2], as an input of the model. */
export const sizesInput = (name: string, batch: number): Value => input(name, [batch, 2], "int32");

/** [B, 2] height, width → float32 [B, 4] width, height, width, height. */
export function widthHeightTwice(sizes: Value): Value {
  const height = slice(sizes, { axis: 1, end: 1 });
  const width = slice(sizes, { axis: 1, start: 1 });
  return cast(concat([width, height, width, height], 1), "float32");
}

/**
 * Images uint8 [B, H, W, 3] → float32 [B, 3, H, W], normalised; pixels beyond an image's size become 0, as in training.
 *
 * @param sizes int32 [B, 2] height and width of each image within the padded ones
 */
export function normalised(images: Value, sizes: Value, { mean, std }: Normalisation): Value {
  const channels = (numbers: readonly number[]) => constant(numbers, [1, 3, 1, 1]);
  const planes = cast(transpose(images, [0, 3, 1, 2]), "float32");
  const values = div(sub(planes, channels(mean)), channels(std));
  const [batch, , height, width] = values.shape as [number, number, number, number];
  const side = (index: number) => reshape(slice(sizes, { axis: 1, start: index, end: index + 1 }), [batch, 1, 1, 1]);
  const inside = and(
    less(reshape(axisRange(values, 2), [1, 1, height, 1]), side(0)),
    less(reshape(axisRange(values, 3), [1, 1, 1, width]), side(1)),
  );
  return where(inside, values, scalar(0));
}
