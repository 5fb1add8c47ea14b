import { join } from "node:path";
import type { SegmentationConfig } from "../../config/schema.js";
import { writeFileAtomic } from "../../files.js";
import { classPalette } from "../../images/draw/palette.js";
import { drawLabelMap } from "../../images/draw/semantic.js";
import { encodeIndexedPng } from "../../images/encode.js";
import type { LabelMap } from "../../pixels/image.js";
import { overlayWriter, type PredictedImage, type PredictionsKind, refuseAnnotations } from "../predictions.js";

/** Overlays, and label maps with the names of their images. */
export const segmentationPredictions: PredictionsKind<SegmentationConfig, LabelMap> = {
  outputs: ["labelMaps"],
  choose(_, choices) {
    refuseAnnotations(choices, "label maps, named like their images");
    return {};
  },
  async writer({ description, outDir, inputs }) {
    const { classes, palette = classPalette(classes.length) } = description;
    const overlays = overlayWriter(outDir, inputs);
    const images: PredictedImage[] = [];
    return {
      async write(input, image, map) {
        const labelMap = join(outDir, "labelMaps", `${overlays.nameOf(input)}.png`);
        await writeFileAtomic(labelMap, encodeIndexedPng(map, palette));
        const overlay = await overlays.write(input, drawLabelMap(image, map, { classes, palette }));
        images.push({ input, overlay, labelMap });
      },
      finish: async () => ({ images }),
    };
  },
};
