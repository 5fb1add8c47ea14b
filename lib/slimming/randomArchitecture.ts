import { attentionOf, type EfficientFormerSize } from "../backbones/efficientformerSizes.js";
import type { Random } from "../random.js";
import { type SearchSpace, widthsOf } from "./space.js";

/** A random network of the space: each width, depth and number of MB3D is uniform over the values allowed. */
export function randomSize(space: SearchSpace, random: Random): EfficientFormerSize {
  const { start } = space;
  const widthOf = (stage: number): number => {
    const widths = widthsOf(space, stage);
    return widths[random.integer(widths.length)]!;
  };
  const depthOf = (stage: number): number => 1 + random.integer(start.depths[stage]!);
  const depths = [depthOf(0), depthOf(1), depthOf(2), depthOf(3)] as const;
  return {
    widths: [widthOf(0), widthOf(1), widthOf(2), widthOf(3)],
    depths,
    attentionBlocks: random.integer(mostAttention(space, depths) + 1),
  };
}

/** The largest number of MB3D for these depths: in each stage no more than the start has. */
export function mostAttention({ start }: SearchSpace, depths: EfficientFormerSize["depths"]): number {
  const [, , third, last] = attentionOf(start) as [number, number, number, number];
  // MB3D in stage 3 come before those in stage 4, so all of stage 4 is MB3D then.
  return third === 0 ? Math.min(last, depths[3]) : depths[3] + Math.min(third, depths[2]);
}
