import type { Config } from "../config/schema.js";
import { SIZE_MULTIPLE } from "../datasets/loader/padding.js";
import type { TransformSpec } from "../datasets/transforms/index.js";
import { UserError } from "../errors.js";
import type { Size } from "../pixels/image.js";

/** What is exported: the backbone's feature maps, the pyramid's, or the whole model. */
export const PARTS = ["model", "neck", "backbone"] as const;
export type Part = (typeof PARTS)[number];

/** A side or a count that is fixed, or free to choose when the model is run. */
export type Extent = number | "free";

/** The interface of an exported model. */
export interface ExportSettings {
  readonly part: Part;
  readonly batch: Extent;
  /** Pixels of the network's input; both free or neither. */
  readonly size: { readonly height: number; readonly width: number } | "free";
  /** Whether it takes uint8 RGB [B, H, W, 3] and normalises it. */
  readonly preprocess: boolean;
  /** Whether it pastes masks into images of the network's input size, or turns logits into a label map of that size. */
  readonly postprocess: boolean;
  /** Whether weights and most of the arithmetic are float16. */
  readonly half: boolean;
}

export const DEFAULT_SETTINGS = {
  part: "model",
  batch: 1,
  preprocess: false,
  postprocess: false,
  half: false,
} as const satisfies Partial<ExportSettings>;

/** A graph holds tables as large as its images, so absurd sizes would take all memory before anything is said. */
const MOST_PIXELS = 40e6;
const MOST_BATCH_PIXELS = 2 ** 28;

/** @throws UserError when images or a batch of them have more pixels than a graph is made for */
export function checkPixels({ height, width }: Size, batch: number): void {
  const pixels = height * width;
  if (pixels > MOST_PIXELS) {
    throw new UserError(`size ${height}x${width}: an image may have up to ${MOST_PIXELS / 1e6} million pixels`, 2);
  }
  if (batch * pixels > MOST_BATCH_PIXELS) {
    const most = Math.floor(MOST_BATCH_PIXELS / pixels);
    throw new UserError(`batch ${batch}: of images of ${height}x${width}, a batch may hold up to ${most}`, 2);
  }
}

/**
 * @param multiple what the backbone's images have sides of
 * @throws UserError when the settings contradict each other, or the images are too large
 */
export function checkSettings({ part, batch, size, postprocess }: ExportSettings, multiple = SIZE_MULTIPLE): void {
  if (size !== "free") {
    for (const side of [size.height, size.width]) {
      if (Number.isInteger(side) && side > 0 && side % multiple === 0) continue;
      throw new UserError(
        `size ${size.height}x${size.width}: both sides must be multiples of ${multiple}, as the backbone needs`,
        2,
      );
    }
  }
  if (batch !== "free" && !(Number.isInteger(batch) && batch > 0)) {
    throw new UserError(`batch ${batch}: must be a whole number above 0, or free`, 2);
  }
  if (size !== "free") checkPixels(size, batch === "free" ? 1 : batch);
  if (part !== "model" && postprocess) {
    throw new UserError(`feature maps of the ${part} have no post-processing; omit --postprocess`, 2);
  }
}

/** The size that a config's test transforms give a wide image, rounded up to what the backbone accepts. */
export function defaultSize({ data }: Config): { readonly height: number; readonly width: number } {
  const { sizes, multipleOf } = data.padding;
  const [preferred] = sizes;
  if (preferred !== undefined) return preferred;
  const raise = (side: number) => Math.ceil(side / multipleOf) * multipleOf;
  const steps: readonly TransformSpec[] = data.transforms.test;
  const crop = steps.find((step) => step.type === "centreCrop");
  if (crop !== undefined) return { height: raise(crop.size), width: raise(crop.size) };
  const resize = steps.find((step) => step.type === "resize");
  if (resize === undefined) {
    throw new UserError(
      "data.transforms.test resizes nothing, so the config does not say which size to export; give --size HEIGHTxWIDTH or --dynamic",
      2,
    );
  }
  const [a, b] = resize.scale;
  const [width, height] = resize.keepRatio === false ? [a, b] : [Math.max(a, b), Math.min(a, b)];
  return { height: raise(height), width: raise(width) };
}
