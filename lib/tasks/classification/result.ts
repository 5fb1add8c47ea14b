import { drawCaption } from "../../images/draw/caption.js";
import { classPalette } from "../../images/draw/palette.js";
import type { ClassScores } from "../../models/classifier/predictor.js";
import type { Image } from "../../pixels/image.js";
import type { Seen } from "../seen.js";
import { captionOf, type FoundClass, foundClasses } from "./found.js";

/** The classes of an image, the likeliest first: an array of them that can draw itself. */
export class ClassificationResult extends Array<FoundClass> {
  readonly #seen: Seen;

  /** `map`, `filter` and so on give plain arrays. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  constructor(scores: ClassScores, seen: Seen) {
    super();
    this.#seen = seen;
    for (const found of foundClasses(scores, seen.description.classes)) this.push(found);
  }

  /** The image with the likeliest classes written on it. The image is read again, so it must still be there. */
  async draw(): Promise<Image> {
    const palette = classPalette(this.#seen.description.classes.length);
    return drawCaption(await this.#seen.read(), captionOf(this, palette));
  }
}
