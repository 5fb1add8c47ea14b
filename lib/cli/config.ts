import type { Command } from "commander";
import { Document, isMap, isScalar, stringify, visit } from "yaml";
import { type LoadedConfig, loadConfig } from "../config/load.js";
import { type ConfigOptions, type Context, printResult } from "./context.js";
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
  return withConfig(createCommand("config", "Check a config and print it complete", examples))
    .option("--origins", "note beside each value the file and line it comes from")
    .action((path: string, flags: ConfigFlags) => {
      const loaded = loadConfig(path, { overrides: flags.set });
      printResult(context, flags, loaded.config, () =>
        (flags.origins ? withOrigins(loaded) : stringify(loaded.config, { lineWidth: 120 })).trimEnd(),
      );
    });
}

function withOrigins(loaded: LoadedConfig): string {
  const document = new Document(loaded.config);
  visit(document, {
    Pair(_, pair, ancestors) {
      if (isMap(pair.value)) return;
      const own = isScalar(pair.key) ? [String(pair.key.value)] : [];
      const above = ancestors.flatMap((node) => ("key" in node && isScalar(node.key) ? [String(node.key.value)] : []));
      const origin = loaded.originOf([...above, ...own].join(".")) ?? "default";
      if (isScalar(pair.value)) pair.value.comment = ` ${origin}`;
      else if (isScalar(pair.key)) pair.key.commentBefore = ` ${origin}`;
    },
  });
  return document.toString({ lineWidth: 0 });
}
