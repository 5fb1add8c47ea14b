import type { SegmentationBatch } from "../../lib/datasets/loader/batch.js";
import { semanticFpn } from "../../lib/models/semanticFpn/model.js";
import { semanticTrainer } from "../../lib/models/semanticFpn/trainer.js";
import { checksum, labelMap, normalisedImages } from "../inputs.js";
import type { Prepare } from "../protocol.js";
import { trainingSetup } from "./ablation.js";
import { benchValues, semanticModel } from "./models.js";
import { trainingSteps } from "./trainingSteps.js";

const CLASSES = 150;

/** Forward, cross-entropy at full size, all gradients and AdamW. */
export const prepare: Prepare = async ({ variant, size, batch: count, ...options }) => {
  const model = semanticFpn(semanticModel(variant), CLASSES);
  const values = benchValues(model.parameters);
  const trainer = semanticTrainer({
    model,
    values,
    ...trainingSetup(options),
    averageOverAllPixels: false,
    frozen: () => false,
  });
  const [height, width] = size;
  const images = normalisedImages(count, size);
  const maps = Array.from({ length: count }, (_, i) => labelMap(i, size, CLASSES));
  const labels = new Uint8Array(count * height * width);
  maps.forEach((map, i) => {
    labels.set(map, i * height * width);
  });
  const indices = Int32Array.from({ length: count }, (_, i) => i);
  const batch: SegmentationBatch = {
    kind: "segmentation",
    images,
    height,
    width,
    indices,
    meta: [],
    labels,
    labelMaps: [],
  };
  return {
    ...trainingSteps(trainer, values, batch),
    checksum: checksum(images, ...maps),
  };
};
