import { z } from "zod";
import { positive } from "../schemas/fields.js";

/** Config keys of every loss over classes: how much the easy ones count. */
export const focalGamma = z
  .number()
  .min(0)
  .exactOptional()
  .describe(
    "Focal loss (Lin et al. 2017): the cross-entropy is multiplied by (1 − p)^this, p being the right class's probability; the paper's is 2; without it, or 0: cross-entropy",
  );

/** The weights of a loss's classes: none, by their frequency in the training set, or given. */
export const classWeights = z.union([z.literal(["none", "balanced"]), z.array(positive("Of a class")).min(2)]);

export type ClassWeights = z.output<typeof classWeights>;
