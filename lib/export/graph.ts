import { UserError } from "../errors.js";
import { div, input, type Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import type { Normalisation } from "../pixels/normalise.js";
import type { Network } from "./network.js";
import { normalised, sizesInput, widthHeightTwice } from "./processing.js";
import type { ExportSettings } from "./settings.js";

/** A size at which a graph is recorded. */
export interface GraphSize {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

export type GraphSettings = Pick<ExportSettings, "part" | "preprocess" | "postprocess">;

/**
 * The graph that is exported, at one size. Inputs: `images` float32 [B, 3, H, W] normalised, or uint8 [B, H, W, 3] RGB
 * with `preprocess`; for detection `sizes` and `original_sizes`, int32 [B, 2], height and width of each image in the
 * input without padding, and of the original image that boxes refer to; `sizes` also if `preprocess` needs it.
 *
 * @returns the outputs by name
 */
export function exportGraph(
  { graphs }: Pick<Network, "graphs">,
  context: Context,
  { part, preprocess, postprocess }: GraphSettings,
  { batch, height, width, normalisation }: GraphSize & { readonly normalisation: Normalisation },
): Readonly<Record<string, Value>> {
  const sizes = sizesInput("sizes", batch);
  const images = preprocess
    ? normalised(input("images", [batch, height, width, 3], "uint8"), sizes, normalisation)
    : input("images", [batch, 3, height, width]);
  if (part !== "model") {
    const record = graphs[part];
    if (record === undefined)
      throw new UserError(`the model has no feature maps of a ${part}; export the whole model`, 2);
    return record(images, context);
  }
  const inNetwork = widthHeightTwice(sizes);
  const scales = div(inNetwork, widthHeightTwice(sizesInput("original_sizes", batch)));
  const inputs = { images, sizes: inNetwork, scales };
  const outputs = graphs.model(inputs, context);
  return postprocess ? graphs.postprocess(outputs, inputs) : outputs;
}
