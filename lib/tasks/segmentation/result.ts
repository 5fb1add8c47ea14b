import { UserError } from "../../errors.js";
import { drawLabelMap, type SemanticStyle } from "../../images/draw/semantic.js";
import { Mask } from "../../masks/mask.js";
import { encodeRle } from "../../masks/rle.js";
import type { Image, LabelMap } from "../../pixels/image.js";
import type { Seen } from "../seen.js";

/** The class of each pixel of an image. */
export class SegmentationResult {
  /** Of the image's size. */
  readonly labelMap: LabelMap;
  /** Class names by index. */
  readonly classes: readonly string[];
  readonly #seen: Seen;

  constructor(labelMap: LabelMap, seen: Seen) {
    this.labelMap = labelMap;
    this.classes = seen.description.classes;
    this.#seen = seen;
  }

  /** The pixels of a class, by its name. @throws UserError where there is no such class */
  maskOf(label: string): Mask {
    const index = this.classes.indexOf(label);
    if (index < 0) throw new UserError(`the model has no class "${label}"; its classes: ${this.classes.join(", ")}`);
    const { width, height, data } = this.labelMap;
    return new Mask(
      encodeRle(
        data.map((value) => (value === index ? 1 : 0)),
        height,
        width,
      ),
    );
  }

  /** The image tinted by class. The image is read again, so it must still be there. */
  async draw(style: Partial<SemanticStyle> = {}): Promise<Image> {
    const { description, read } = this.#seen;
    const { classes, palette } = description;
    return drawLabelMap(await read(), this.labelMap, { classes, ...(palette !== undefined && { palette }), ...style });
  }
}
