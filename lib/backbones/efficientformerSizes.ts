import { z } from "zod";
import { count } from "../schemas/fields.js";

/** What tells one EfficientFormer from another (Li et al. 2022, "EfficientFormer: Vision Transformers at MobileNet Speed"). */
export interface EfficientFormerSize {
  /** Channels of the four stages. */
  readonly widths: readonly [number, number, number, number];
  /** Blocks of the four stages. */
  readonly depths: readonly [number, number, number, number];
  /** How many blocks at the end of the network are self-attention blocks; beyond the last stage's depth they reach into the third. */
  readonly attentionBlocks: number;
}

/** The published sizes, and `nano` (1.1 M parameters) for small machines and tests. */
export const EFFICIENTFORMER_SIZES = {
  nano: { widths: [24, 48, 96, 128], depths: [2, 2, 4, 2], attentionBlocks: 1 },
  l1: { widths: [48, 96, 224, 448], depths: [3, 2, 6, 4], attentionBlocks: 1 },
  l3: { widths: [64, 128, 320, 512], depths: [4, 4, 12, 6], attentionBlocks: 4 },
  l7: { widths: [96, 192, 384, 768], depths: [6, 6, 18, 8], attentionBlocks: 8 },
} as const satisfies Record<string, EfficientFormerSize>;

export type EfficientFormerVariant = keyof typeof EFFICIENTFORMER_SIZES;

/** Widths are multiples of this: the step by which a search makes stages narrower. */
export const WIDTH_STEP = 16;

/** How many of each stage's blocks, at its end, are self-attention blocks: they are the last of the network. */
export function attentionOf({ depths, attentionBlocks }: EfficientFormerSize): readonly number[] {
  const last = Math.min(attentionBlocks, depths[3]);
  return [0, 0, attentionBlocks - last, last];
}

const width = count(`Channels of a stage: a multiple of ${WIDTH_STEP}`, WIDTH_STEP, 4096).refine(
  (channels) => channels % WIDTH_STEP === 0,
  { error: ({ input }) => `must be a multiple of ${WIDTH_STEP}, got ${input}` },
);
const depth = count("Blocks of a stage", 1, 128);

/** The config's key of a size of one's own. */
export const sizeKey = z
  .strictObject({
    widths: z.tuple([width, width, width, width]).describe(`Channels of the four stages, multiples of ${WIDTH_STEP}`),
    depths: z.tuple([depth, depth, depth, depth]).describe("Blocks of the four stages"),
    attentionBlocks: count(
      "How many of the last blocks are self-attention blocks (MB3D): at most those of stages 3 and 4",
      0,
    ),
  })
  .superRefine(({ depths, attentionBlocks }, context) => {
    const most = depths[2] + depths[3];
    if (attentionBlocks <= most) return;
    const message = `must be at most ${most}, the blocks of stages 3 and 4, got ${attentionBlocks}`;
    context.addIssue({ code: "custom", path: ["attentionBlocks"], message });
  });

/** A size as people read it: "32-64-128-256, 2-2-4-2 blocks, 1 MB3D". */
export const titleOfSize = ({ widths, depths, attentionBlocks }: EfficientFormerSize): string =>
  `${widths.join("-")}, ${depths.join("-")} blocks, ${attentionBlocks} MB3D`;
