import { type Command, Option } from "commander";
import { loadConfig } from "../config/load.js";
import { type ConfigOptions, type Context, printResult } from "./context.js";
import { createCommand, withConfig } from "./options.js";
import { showing } from "./progress.js";
import { metricsTable } from "./table.js";

interface TrainFlags extends ConfigOptions {
  readonly resume?: true;
  readonly restart?: true;
}

const SIGNALS = `
A checkpoint is made after the first step, every ten minutes, at each validation and at the end (training.checkpoint in the
config). Ctrl-C and SIGTERM make one and stop, with exit code 130 and 143; SIGUSR1 makes one and goes on.`;

export function trainCommand(context: Context): Command {
  const examples = [
    "train mask-rcnn_efficientformer-nano_fpn128_300_bccd",
    "train my.yaml --set training.seed=1 --set output=runs/seed-1",
    "train my.yaml --resume",
  ];
  return withConfig(createCommand("train", "Train a model as a config says", examples))
    .addOption(
      new Option(
        "--resume",
        "go on from the newest checkpoint in the output folder; begin where there is no run",
      ).conflicts("restart"),
    )
    .option("--restart", "begin anew; a run that is in the output folder is deleted")
    .addHelpText("after", SIGNALS)
    .action(async (path: string, flags: TrainFlags) => {
      const { config } = loadConfig(path, { overrides: flags.set });
      const how = { resume: flags.resume === true, restart: flags.restart === true };
      const saveWanted = () => context.saveWanted?.() === true;
      const result = await showing(
        context,
        (watch) => context.api.train({ config, ...how, saveWanted, ...watch }),
        config.training.logEvery,
      );
      printResult(context, flags, result, () => {
        const figures = result.metrics === undefined ? "" : `${metricsTable(result.metrics)}\n`;
        return `${figures}done; the run is in ${config.output}`;
      });
    });
}
