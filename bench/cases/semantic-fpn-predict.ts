import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime.js";
import { decodePicture } from "../../lib/images/decode.js";
import { prepare as prepareBatch } from "../../lib/inference/prepare.js";
import { semanticFpn } from "../../lib/models/semanticFpn/model.js";
import { segmenter } from "../../lib/models/semanticFpn/segmenter.js";
import type { Prepare } from "../protocol.js";
import { benchValues, semanticData, semanticModel } from "./models.js";

/** A JPEG to a label map of the picture's size: decoding, resizing to (2048, 512), the model, the largest logit. */
export const prepare: Prepare = async ({ variant, path, threads }) => {
  const model = semanticFpn(semanticModel(variant), 150);
  const { segment, dispose } = segmenter({
    model,
    values: benchValues(model.parameters),
    engine: onnxRuntimeEngine({ threads }),
    folded: true,
  });
  return {
    async run() {
      await segment(prepareBatch(await decodePicture(path), path, semanticData()));
    },
    dispose,
  };
};
