import type { Image, Size } from "../pixels/image.js";
import type { ModelDescription } from "./description.js";
import type { PredictionChoices } from "./predictions.js";

/** An image that was predicted, and what was asked of it. */
export interface Seen extends Size {
  readonly description: ModelDescription;
  /** Completed by the task. */
  readonly choices: PredictionChoices;
  /** Decodes the image again: results do not hold its pixels. */
  read(): Promise<Image>;
}
