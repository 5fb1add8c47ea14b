import type { Config } from "../config/schema.js";
import { classificationKind } from "./classification/kind.js";
import { detectionKind } from "./detection/kind.js";
import type { ModelKind } from "./modelKind.js";
import { segmentationKind } from "./segmentation/kind.js";
import type { DataSource, Split } from "./sources.js";

/** The tasks there are. A new one is a folder of its own and a line here. */
export const MODEL_KINDS = {
  detection: detectionKind,
  segmentation: segmentationKind,
  classification: classificationKind,
} as const satisfies { readonly [T in Config["task"]]: ModelKind<Extract<Config, { task: T }>> };

/** The kind of a config's model. Configs, batches and answers of one kind belong together; methods take them as they come. */
export const kindOf = ({ task }: Pick<Config, "task">): ModelKind => MODEL_KINDS[task];

/** The data set of a config's split. @param classes those of a model or of another split; default the config's */
export function sourceOf(config: Config, split: Split, classes?: readonly string[]): DataSource {
  return kindOf(config).source(config, split, classes);
}
