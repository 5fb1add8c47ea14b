import { z } from "zod";
import { positive } from "../../schemas/fields.js";
import { type ClassLossConfig, type ClassLossSchema, classLossConfig, classLossOf } from "./index.js";
import type { ClassLoss } from "./loss.js";

/** Named, because the compiler would write out what it stands for in every head. */
export interface ClassLossKey extends z.ZodExactOptional<ClassLossSchema> {}

/** The config key of a loss over classes. */
export const classLossKey = (): ClassLossKey =>
  classLossConfig()
    .exactOptional()
    .describe("The loss of each decision between the classes; without it, cross-entropy");

/** The focal loss by its exponent alone. */
export const focalGamma = z
  .number()
  .min(0)
  .exactOptional()
  .describe(
    "Focal loss (Lin et al. 2017): the cross-entropy is multiplied by (1 − p)^this, p being the right class's probability; the paper's is 2; without it, or 0: cross-entropy. Short for a classLoss of type focal",
  );

/** Both in a config. */
export interface ChosenLoss {
  readonly classLoss?: ClassLossConfig;
  readonly focalGamma?: number;
}

/** For a schema's `superRefine`. */
export function checkLoss({ classLoss, focalGamma }: ChosenLoss, context: z.RefinementCtx): void {
  if (classLoss === undefined || focalGamma === undefined) return;
  const message = "classLoss and focalGamma both choose the loss; delete one by setting it to null";
  context.addIssue({ code: "custom", path: ["focalGamma"], message });
}

/** The loss that a config chooses; undefined for the cross-entropy, which has operators of its own. */
export function chosenLoss({ classLoss, focalGamma = 0 }: ChosenLoss): ClassLoss | undefined {
  const chosen: ClassLossConfig = classLoss ?? { type: "focal", gamma: focalGamma };
  const isPlain = chosen.type === "crossEntropy" || (chosen.type === "focal" && chosen.gamma === 0);
  return isPlain ? undefined : classLossOf(chosen);
}

/** The weights of a loss's classes: none, by their frequency in the training set, or given. */
export const classWeights = z.union([z.literal(["none", "balanced"]), z.array(positive("Of a class")).min(2)]);

export type ClassWeights = z.output<typeof classWeights>;
