import { UserError } from "../errors.js";

/** One class index a pixel, row-major. */
export interface ClassMap {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** How often a pixel of one class was predicted as another. Never changed once made. */
export interface ConfusionMatrix {
  readonly classes: number;
  /** [classes, classes] pixels by label (rows) and prediction (columns). */
  readonly counts: Float64Array;
  /** Pixels left out because their label is "ignore". */
  readonly ignored: number;
}

export function emptyConfusion(classes: number): ConfusionMatrix {
  return { classes, counts: new Float64Array(classes * classes), ignored: 0 };
}

/** The counts of both. */
export function mergeConfusions(a: ConfusionMatrix, b: ConfusionMatrix): ConfusionMatrix {
  if (a.classes !== b.classes) {
    throw new UserError(`confusion matrices of ${a.classes} and ${b.classes} classes cannot be merged`);
  }
  return { classes: a.classes, counts: a.counts.map((n, i) => n + b.counts[i]!), ignored: a.ignored + b.ignored };
}
