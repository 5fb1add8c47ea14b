import type { Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";

/** A network that turns pictures into feature maps of falling resolution. What follows reads its channels and strides. */
export interface Backbone {
  /** Channels of each output map. */
  readonly channels: readonly number[];
  /** Picture pixels per map pixel of each output. */
  readonly strides: readonly number[];
  /** Height and width of a picture must be multiples of this. */
  readonly multiple: number;

  /** @param x [B, 3, H, W] normalised pictures @returns one map [B, channels, H / stride, W / stride] an output */
  readonly forward: (x: Value, context: Context) => Value[];
}
