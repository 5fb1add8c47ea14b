import { attentionOf, type EfficientFormerSize } from "../backbones/efficientformerSizes.js";
import type { Random } from "../random.js";
import { type SearchSpace, widthsOf } from "./space.js";

/** A network of the space: each width, depth and number of MB3D uniform in what the space has. */
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

/** How many MB3D a network of these depths may have: no more than the start, and none where the start has none. */
export function mostAttention({ start }: SearchSpace, depths: EfficientFormerSize["depths"]): number {
  const reaches = attentionOf(start)[2]! > 0;
  return Math.min(start.attentionBlocks, reaches ? depths[2] + depths[3] : depths[3]);
}
