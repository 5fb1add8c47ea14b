import { join } from "node:path";
import { type Command, Option } from "commander";
import type { Config } from "../config/schema.js";
import { DataFault } from "../datasets/fault.js";
import { UserError } from "../errors.js";
import type { TrainingEvent } from "../loggers/events.js";
import { checkpointNames } from "../runs/folder.js";
import { loadNamedConfig } from "../use/namedConfig.js";
import { type ConfigOptions, type Context, loadOptionsOf, printResult } from "./context.js";
import { findingLines, quickCheck } from "./data/findings.js";
import { createCommand, withConfig } from "./options.js";
import { showing, type Watch } from "./progress.js";
import { metricsTable } from "./table.js";

interface TrainFlags extends ConfigOptions {
  readonly resume?: true;
  readonly restart?: true;
}

const SIGNALS = `
A checkpoint is written after the first step, every ten minutes, at each validation and at the end (training.checkpoint in the
config). Ctrl-C and SIGTERM write one and stop, with exit code 130 and 143; SIGUSR1 writes one and goes on.`;

/** Training stops at the first fault in its data; the user wants to know about the others too. */
function withOthers(error: unknown, errors: number, config: string): unknown {
  if (!(error instanceof DataFault) || errors < 2) return error;
  return new UserError(`${error.message} (one of ${errors} errors; densekit data check ${config} lists them)`);
}

/** @throws UserError for a model that is trained already */
async function configOf(named: string, flags: ConfigOptions): Promise<Config> {
  const { config, kind } = await loadNamedConfig(named, loadOptionsOf(flags));
  if (kind === "config") return config;
  const advice =
    kind === "run"
      ? `to continue it, train its config: densekit train ${join(config.output, "config.yaml")} --resume`
      : kind === "exported"
        ? "what was exported is not trained again"
        : `its backbone is a start for a config of your own: --set model.backbone.weights=${named}`;
  throw new UserError(`${named}: a trained model, and train takes a config; ${advice}`);
}

export function trainCommand(context: Context): Command {
  const examples = [
    "train my.yaml",
    "train my.yaml --set training.seed=1 --set output=runs/seed-1",
    "train my.yaml --set model.backbone.weights=imagenet",
    "train my.yaml --resume",
  ];
  return withConfig(createCommand("train", "Train a model from a config", examples))
    .addOption(
      new Option(
        "--resume",
        "continue from the newest checkpoint in the output folder, or start if there is no run",
      ).conflicts("restart"),
    )
    .option("--restart", "start over; deletes the run in the output folder")
    .addHelpText("after", SIGNALS)
    .action(async (path: string, flags: TrainFlags) => {
      const config = await configOf(path, flags);
      const how = { resume: flags.resume === true, restart: flags.restart === true };
      const saveWanted = () => context.saveWanted?.() === true;
      // The data of a resumed run was checked when it began.
      const isBegun = how.resume && (await checkpointNames(config.output)).length > 0;
      const checked = isBegun ? undefined : await quickCheck(context, config);
      const findings = checked === undefined ? [] : findingLines(checked, path);
      const work = ({ signal, onEvent }: Watch) => {
        const told = (event: TrainingEvent) => {
          onEvent(event);
          if (event.type !== "start") return;
          for (const text of findings) onEvent({ type: "message", text });
        };
        return context.api.train({ config, ...how, saveWanted, signal, onEvent: told });
      };
      const result = await showing(context, work, config.training.logEvery).catch((error: unknown) => {
        throw withOthers(error, checked?.errors ?? 0, path);
      });
      printResult(context, flags, result, () => {
        const figures = result.metrics === undefined ? "" : `${metricsTable(result.metrics)}\n`;
        const end = result.ended === undefined || result.ended === "steps" ? "done" : "stopped early";
        return `${figures}${end}; the run is in ${config.output}`;
      });
    });
}
