import type { DetectionBatch } from "../../lib/datasets/loader/batch.js";
import { metaOf } from "../../lib/datasets/meta.js";
import type { Instances } from "../../lib/datasets/types.js";
import { encodeRle } from "../../lib/masks/rle.js";
import { maskRcnn } from "../../lib/models/maskRcnn/model.js";
import { maskRcnnTrainer } from "../../lib/models/maskRcnn/trainer.js";
import { type BenchObjects, checksum, normalisedImages, objects, type Size } from "../inputs.js";
import type { Prepare } from "../protocol.js";
import { trainingSetup } from "./ablation.js";
import { benchValues, instancesModel } from "./models.js";
import { trainingSteps } from "./trainingSteps.js";

const CLASSES = 80;

/** Forward, losses, all gradients and AdamW of Mask R-CNN, including proposals and sampling. */
export const prepare: Prepare = async ({ variant, size, batch: count, objects: perImage, ...options }) => {
  const model = maskRcnn(instancesModel(variant), CLASSES, true);
  const values = benchValues(model.parameters);
  let positives: readonly number[] = [];
  const trainer = maskRcnnTrainer({
    model,
    values,
    ...trainingSetup(options),
    frozen: () => false,
    onSampled: (targets) => {
      positives = targets.map((target) => target.positives);
    },
  });
  const all = Array.from({ length: count }, (_, i) => objects(i, size, { classes: CLASSES, count: perImage }));
  const images = normalisedImages(count, size);
  const [height, width] = size;
  const batch: DetectionBatch = {
    kind: "detection",
    images,
    height,
    width,
    indices: Int32Array.from({ length: count }, (_, i) => i),
    meta: all.map((_, id) => metaOf({ id, file: "" }, { width, height })),
    instances: all.map((one) => instancesOf(one, size)),
  };
  return {
    ...trainingSteps(trainer, values, batch),
    checksum: checksum(images, ...all.flatMap(({ boxes, labels, masks }) => [boxes, labels, ...masks])),
    note: () => `positive RoIs ${positives.join(", ")}`,
  };
};

function instancesOf({ boxes, labels, masks }: BenchObjects, [height, width]: Size): Instances {
  const n = labels.length;
  return {
    boxes,
    labels,
    crowd: new Uint8Array(n),
    masks: masks.map((mask) => encodeRle(mask, height, width)),
    areas: new Float32Array(n),
    ids: new Float64Array(n),
  };
}
