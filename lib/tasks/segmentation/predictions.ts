import type { SegmentationConfig } from "../../config/schema.js";
import { classPalette } from "../../images/draw/palette.js";
import { drawLabelMap } from "../../images/draw/semantic.js";
import { encodeIndexedPng } from "../../images/encode.js";
import type { LabelMap } from "../../pixels/image.js";
import {
  type ClassShare,
  overlayWriter,
  type PredictedImage,
  type PredictionsKind,
  refuseChoices,
} from "../predictions.js";

/** Overlays, and label maps with the names of their images. */
export const segmentationPredictions: PredictionsKind<SegmentationConfig, LabelMap> = {
  outputs: ["labelMaps/"],
  choose(_, choices) {
    refuseChoices(choices, "label maps, named like their images");
    return {};
  },
  async writer({ description, output, inputs }) {
    const { classes, palette = classPalette(classes.length) } = description;
    const overlays = output && overlayWriter(output, inputs);
    const images: PredictedImage[] = [];
    return {
      async write(input, image, map) {
        const { width, height } = image;
        const found = { input, width, height, id: images.length + 1, shares: sharesOf(map, classes) };
        if (output === undefined || overlays === undefined) return void images.push(found);
        const labelMap = await output.write(`labelMaps/${overlays.nameOf(input)}.png`, encodeIndexedPng(map, palette));
        const overlay = await overlays.write(input, drawLabelMap(image, map, { classes, palette }));
        images.push({ ...found, overlay, labelMap });
      },
      finish: async () => ({ images }),
    };
  },
};

function sharesOf({ data }: LabelMap, classes: readonly string[]): ClassShare[] {
  const counts = new Uint32Array(256);
  for (const label of data) counts[label]!++;
  return Array.from(counts, (count, classIndex) => ({
    label: classes[classIndex] ?? String(classIndex),
    classIndex,
    share: count / data.length,
  }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share);
}
