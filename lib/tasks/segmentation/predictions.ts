import type { SegmentationConfig } from "../../config/schema.js";
import { classPalette } from "../../images/draw/palette.js";
import { drawLabelMap } from "../../images/draw/semantic.js";
import { encodeIndexedPng } from "../../images/encode.js";
import type { LabelMap } from "../../pixels/image.js";
import { overlayWriter, type PredictedImage, type PredictionsKind, refuseChoices } from "../predictions.js";

/** Overlays, and label maps with the names of their images. */
export const segmentationPredictions: PredictionsKind<SegmentationConfig, LabelMap> = {
  outputs: ["labelMaps/"],
  choose(_, choices) {
    refuseChoices(choices, "label maps, named like their images");
    return {};
  },
  async writer({ description, output, inputs }) {
    const { classes, palette = classPalette(classes.length) } = description;
    const overlays = overlayWriter(output, inputs);
    const images: PredictedImage[] = [];
    return {
      async write(input, image, map) {
        const labelMap = await output.write(`labelMaps/${overlays.nameOf(input)}.png`, encodeIndexedPng(map, palette));
        const overlay = await overlays.write(input, drawLabelMap(image, map, { classes, palette }));
        images.push({ input, overlay, labelMap });
      },
      finish: async () => ({ images }),
    };
  },
};
