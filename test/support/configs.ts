import type { DetectionConfig } from "../../lib/config/schema.js";
import { configSchema } from "../../lib/config/schema.js";

export interface MaskRcnnChoices {
  readonly variant?: "l1" | "nano";
  readonly rpnSamples?: number;
  readonly roiSamples?: number;
  /** Smaller heads than the published ones. */
  readonly narrow?: NarrowHeads;
}

export interface NarrowHeads {
  /** Channels of the pyramid. */
  readonly channels: number;
  readonly rpn: object;
  readonly roi: object;
}

/** The model part of a Mask R-CNN config: the published recipe except for the given options. */
export function maskRcnnConfig({ variant = "l1", rpnSamples = 256, roiSamples = 512, narrow }: MaskRcnnChoices = {}) {
  const split = { annotations: "a.json", images: "." };
  const config = configSchema().parse({
    task: "detection",
    model: {
      backbone: { type: "efficientformer", variant },
      neck: { type: "fpn", ...(narrow && { channels: narrow.channels }) },
      head: {
        type: "maskRcnn",
        rpn: { samples: rpnSamples, ...narrow?.rpn },
        roi: { samples: roiSamples, ...narrow?.roi },
      },
    },
    data: { type: "coco", train: split, val: split },
    training: { steps: 1, optimizer: { type: "adamw", lr: 1e-4 }, schedule: { type: "constant" } },
  }) as DetectionConfig;
  return config.model;
}
