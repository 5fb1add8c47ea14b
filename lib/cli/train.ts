import type { Command } from "commander";
import { loadConfig } from "../config/load.js";
import { type ConfigOptions, type Context, printResult } from "./context.js";
import { createCommand, withConfig } from "./options.js";
import { showing } from "./progress.js";
import { metricsTable } from "./table.js";

interface TrainFlags extends ConfigOptions {
  readonly resume?: true;
}

export function trainCommand(context: Context): Command {
  const examples = [
    "train mask-rcnn_efficientformer-nano_fpn128_300_bccd",
    "train my.yaml --set training.seed=1 --set output=runs/seed-1",
    "train my.yaml --resume",
  ];
  return withConfig(createCommand("train", "Train a model as a config says", examples))
    .option("--resume", "go on from the newest checkpoint in the output folder")
    .action(async (path: string, flags: TrainFlags) => {
      const { config } = loadConfig(path, { overrides: flags.set });
      const resume = flags.resume === true;
      const result = await showing(
        context,
        (watch) => context.api.train({ config, resume, ...watch }),
        config.training.logEvery,
      );
      printResult(context, flags, result, () => {
        const figures = result.metrics === undefined ? "" : `${metricsTable(result.metrics)}\n`;
        return `${figures}done; the run is in ${config.output}`;
      });
    });
}
