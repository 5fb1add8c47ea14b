import type { DetectionConfig } from "../../lib/config/schema.js";
import { configSchema } from "../../lib/config/schema.js";

export interface MaskRcnnChoices {
  readonly variant?: "l1" | "nano";
  readonly rpnSamples?: number;
  readonly roiSamples?: number;
}

/** The model part of a Mask R-CNN config: the published recipe except for the given options. */
export function maskRcnnConfig({ variant = "l1", rpnSamples = 256, roiSamples = 512 }: MaskRcnnChoices = {}) {
  const split = { annotations: "a.json", images: "." };
  const config = configSchema().parse({
    task: "detection",
    model: {
      backbone: { type: "efficientformer", variant },
      neck: { type: "fpn" },
      head: { type: "maskRcnn", rpn: { samples: rpnSamples }, roi: { samples: roiSamples } },
    },
    data: { type: "coco", train: split, val: split },
    training: { steps: 1, optimizer: { type: "adamw", lr: 1e-4 }, schedule: { type: "constant" } },
  }) as DetectionConfig;
  return config.model;
}
