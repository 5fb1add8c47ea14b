import type { Command } from "commander";
import { Document, isMap, isScalar, isSeq, stringify } from "yaml";
import type { LoadedConfig } from "../config/load.js";
import { loadNamedConfig } from "../use/namedConfig.js";
import { type ConfigOptions, type Context, loadOptionsOf, printResult } from "./context.js";
import { createCommand, withConfig } from "./options.js";

interface ConfigFlags extends ConfigOptions {
  readonly origins?: true;
}

export function configCommand(context: Context): Command {
  const examples = [
    "config mask-rcnn_efficientformer-l1_fpn_1x_coco",
    "config my.yaml --origins",
    "config my.yaml --set training.steps=10 --json",
  ];
  return withConfig(createCommand("config", "Check a config and print it in full", examples))
    .option("--origins", "note the file and line that each value comes from")
    .action(async (named: string, flags: ConfigFlags) => {
      const loaded = await loadNamedConfig(named, loadOptionsOf(flags));
      printResult(context, flags, loaded.config, () =>
        (flags.origins ? withOrigins(loaded) : stringify(loaded.config, { lineWidth: 120 })).trimEnd(),
      );
    });
}

/** YAML with a comment for every value: the place where it was written, or "default". */
function withOrigins(loaded: LoadedConfig): string {
  const document = new Document(loaded.config);
  const annotate = (node: unknown, path: readonly (string | number)[]): void => {
    if (isSeq(node)) for (const [i, item] of node.items.entries()) annotate(item, [...path, i]);
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      if (!isScalar(key)) continue;
      const inner = [...path, String(key.value)];
      const origin = ` ${loaded.originOf(inner.join(".")) ?? "default"}`;
      if (isScalar(value)) value.comment = origin;
      else if (isSeq(value)) key.commentBefore = origin;
      annotate(value, inner);
    }
  };
  annotate(document.contents, []);
  return document.toString({ lineWidth: 0 });
}
