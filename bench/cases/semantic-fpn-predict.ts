import { decodeImage } from "../../lib/images/decode.js";
import { prepare as prepareBatch } from "../../lib/inference/prepare.js";
import type { Prepare } from "../protocol.js";
import { semanticData } from "./models.js";
import { benchSegmenter } from "./segmenter.js";

/** From a JPEG to a label map of the image's size: decoding, resizing to (2048, 512), the model, the argmax. */
export const prepare: Prepare = async ({ variant, path, threads }) => {
  const { predict, dispose } = benchSegmenter(variant, threads);
  return {
    async run() {
      await predict(prepareBatch(await decodeImage(path), path, semanticData()));
    },
    dispose,
  };
};
