import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { decodeImage } from "../../lib/images/decode.js";
import { prepare as prepareBatch } from "../../lib/inference/prepare.js";
import { detector } from "../../lib/models/maskRcnn/detector.js";
import { maskRcnn } from "../../lib/models/maskRcnn/model.js";
import type { Prepare } from "../protocol.js";
import { benchValues, instancesData, instancesModel } from "./models.js";

/** From a JPEG to boxes and masks of the image's size: decoding, resizing to (1333, 800), the model, pasting. */
export const prepare: Prepare = async ({ variant, path, threads }) => {
  const model = maskRcnn(instancesModel(variant), 80, true);
  const { predict, dispose } = detector({
    model,
    values: benchValues(model.parameters),
    engine: onnxRuntimeEngine({ threads }),
    folded: true,
  });
  let found = 0;
  return {
    async run() {
      const [detections] = await predict(prepareBatch(await decodeImage(path), path, instancesData()));
      found = detections!.labels.length;
    },
    dispose,
    note: () => `${found} detections`,
  };
};
