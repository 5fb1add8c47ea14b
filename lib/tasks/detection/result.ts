import type { CocoResult } from "../../coco/entries.js";
import { drawInstances, type InstanceStyle } from "../../images/draw/instances.js";
import { classPalette } from "../../images/draw/palette.js";
import type { Mask } from "../../masks/mask.js";
import type { Detections } from "../../models/predictions.js";
import type { Image } from "../../pixels/image.js";
import type { Seen } from "../seen.js";
import { cocoResults } from "./cocoResults.js";
import { type FoundInstance, foundInstances } from "./found.js";

/** The objects found in an image, the best score first: an array of them that can draw and export itself. */
export class DetectionResult extends Array<FoundInstance> {
  readonly #found: Detections;
  readonly #seen: Seen;

  /** `map`, `filter` and so on give plain arrays. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  constructor(found: Detections, seen: Seen) {
    super();
    this.#found = found;
    this.#seen = seen;
    for (const instance of foundInstances(found, seen.description.classes)) this.push(instance);
  }

  /** The masks of the objects, in their order; none where the model has no masks. */
  get masks(): readonly Mask[] {
    return this.flatMap(({ mask }) => mask ?? []);
  }

  /**
   * The objects as entries of a COCO results file.
   *
   * @param options.imageId default 1 @param options.categoryIds of the classes in their order; default those that the model was trained on
   */
  toCoco({
    imageId = 1,
    categoryIds,
  }: {
    readonly imageId?: number;
    readonly categoryIds?: readonly number[];
  } = {}): CocoResult[] {
    const { classes, categoryIds: own = classes.map((_, k) => k + 1) } = this.#seen.description;
    return cocoResults(imageId, this.#found, categoryIds ?? own);
  }

  /**
   * The image with the objects drawn over it. The image is read again, so it must still be there.
   *
   * @param style default: objects from a score of 0.3 on, or what `predict` was asked for
   */
  async draw(style: Partial<InstanceStyle> = {}): Promise<Image> {
    const { description, choices, read } = this.#seen;
    const { classes, palette = classPalette(classes.length) } = description;
    const { drawThreshold } = choices;
    const own = { classes, palette, ...(drawThreshold !== undefined && { scoreThreshold: drawThreshold }) };
    return drawInstances(await read(), this.#found, { ...own, ...style });
  }
}
