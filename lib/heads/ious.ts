import type { z } from "zod";

/** IoUs below which a box is negative and from which it is positive; in between it is left out. */
interface Ious {
  readonly negativeIou: number;
  readonly positiveIou: number;
}

/** For a schema's `superRefine`. */
export function checkIous({ negativeIou, positiveIou }: Ious, context: z.RefinementCtx): void {
  if (negativeIou <= positiveIou) return;
  context.addIssue({ code: "custom", path: ["negativeIou"], message: "must not be above positiveIou" });
}
