import { join } from "node:path";
import { loadConfig } from "../../lib/config/load.js";
import { openCoco } from "../../lib/datasets/coco.js";
import type { Prepare } from "../protocol.js";
import { loading } from "./loading.js";

/** COCO's training pipeline with masks: (1333, 800), half of the images flipped, grouped by aspect ratio. */
export const prepare: Prepare = async ({ path, threads }) => {
  const { config } = loadConfig("mask-rcnn_efficientformer-l1_fpn_1x_coco");
  const dataset = await openCoco({
    annotations: join(path, "coco-mini/annotations/instances_train2017.json"),
    images: join(path, "coco-mini/train2017"),
  });
  return loading(dataset, config.data.transforms.train, threads, "aspect");
};
