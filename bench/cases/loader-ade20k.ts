import { join } from "node:path";
import { loadConfig } from "../../lib/config/load.js";
import { ade20kFolders, openLabelMaps } from "../../lib/datasets/labelMaps.js";
import type { Prepare } from "../protocol.js";
import { loading } from "./loading.js";

/** ADE20K's training pipeline: scaled by ½–2, 512² crops by the 75 % rule, flipped, photometric distortion. */
export const prepare: Prepare = async ({ path, threads }) => {
  const { config } = loadConfig("semantic-fpn_efficientformer-l1_fpn_40k_ade20k");
  const root = join(path, "coco-stuff-sem");
  const dataset = await openLabelMaps({
    ...ade20kFolders(root, "training"),
    objectInfo: join(root, "objectInfo133.txt"),
    reduceZeroLabel: true,
  });
  return loading(dataset, config.data.transforms.train, threads);
};
