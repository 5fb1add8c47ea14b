import { z } from "zod";
import { lossKind } from "./loss.js";

export const crossEntropy = lossKind({
  schema: z.strictObject({ type: z.literal("crossEntropy") }),
  loss: (decisions) => decisions.crossEntropy,
});
