import type { Size } from "../../pixels/image.js";

/** The sides of a backbone's input images are multiples of this: its deepest stage has stride 32. */
export const SIZE_MULTIPLE = 32;

/** How a batch's common size is found from its images' sizes. */
export interface PaddingRule {
  /** Both sides are rounded up to a multiple of this; default SIZE_MULTIPLE. */
  readonly multipleOf?: number;
  /**
   * Sizes to prefer, so that few programs need compiling: the smallest of these by area that holds the batch is taken.
   * A batch that does not fit into any is padded to the multiple.
   */
  readonly sizes?: readonly { readonly height: number; readonly width: number }[];
}

/** The common size of a batch's images under a padding rule. */
export function paddedSize(images: readonly Size[], rule: PaddingRule): Size {
  const multiple = rule.multipleOf ?? SIZE_MULTIPLE;
  const raise = (sides: readonly number[]): number => Math.ceil(Math.max(...sides) / multiple) * multiple;
  const needed = { width: raise(images.map((p) => p.width)), height: raise(images.map((p) => p.height)) };
  const fitting = (rule.sizes ?? []).filter((size) => size.width >= needed.width && size.height >= needed.height);
  return fitting.sort((a, b) => a.width * a.height - b.width * b.height)[0] ?? needed;
}
