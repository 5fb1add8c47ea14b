import type { Config } from "../config/schema.js";
import { classificationKind } from "./classification/kind.js";
import { detectionKind } from "./detection/kind.js";
import type { ModelKind } from "./modelKind.js";
import { segmentationKind } from "./segmentation/kind.js";
import type { DataSource, Split } from "./sources.js";

/** All tasks. A new one is a folder and a line here. */
export const MODEL_KINDS: { readonly [T in Config["task"]]: ModelKind<Extract<Config, { task: T }>> } = {
  detection: detectionKind,
  segmentation: segmentationKind,
  classification: classificationKind,
};

/**
 * The kind of a config's model. Configs, batches and answers of one kind belong together; its methods do not check that
 * they do.
 */
export const kindOf = ({ task }: Pick<Config, "task">): ModelKind => MODEL_KINDS[task];

/** The data set of a config's split. @param classes those of a model or of another split; default the config's */
export async function sourceOf(config: Config, split: Split, classes?: readonly string[]): Promise<DataSource> {
  return kindOf(config).source(config, split, classes);
}

/** The data sets of several splits. */
export const sourcesOf = (config: Config, splits: readonly Split[]): Promise<DataSource[]> =>
  Promise.all(splits.map((split) => sourceOf(config, split)));
