import { type Command, Option } from "commander";
import { loadConfig } from "../../config/load.js";
import type { Size } from "../../pixels/image.js";
import { type ConfigOptions, type Context, printResult } from "../context.js";
import {
  type EngineFlags,
  engineOverrides,
  type MeasuringFlags,
  measuringOptions,
  withEngine,
} from "../engineOptions.js";
import { createCommand, parseCount, parsePositive, parseSize, parseWhole, withConfig } from "../options.js";
import { showing, type Watch } from "../progress.js";
import { describeTable } from "./text.js";

interface TableFlags extends ConfigOptions, EngineFlags, MeasuringFlags {
  readonly out: string;
  readonly batch?: number;
  readonly size?: Size;
  readonly classes?: number;
  readonly networks?: number;
  readonly resume?: true;
  readonly force?: true;
}

export function tableCommand(context: Context): Command {
  const examples = [
    "slim table my.yaml --out table.json",
    "slim table my.yaml --out table.json --resume",
    "slim table my.yaml --out table.json --threads 1 --size 224 --within 5",
  ];
  const command = createCommand("table", "Measure what each part of a backbone takes on this machine", examples);
  return withEngine(withConfig(command))
    .requiredOption("--out <file>", "the table, a .json; rewritten after every few parts")
    .option("--batch <n>", "images per batch; default 1", parseWhole)
    .option("--size <side or HxW>", "image size; default the config's test size", parseSize)
    .option("--classes <n>", "classes of the model; default those of the config or its data", parseWhole)
    .option("--rounds <n>", "minimum number of rounds, each of which runs every program; default 8", parseWhole)
    .option("--seconds <s>", "how long a program runs in a round; default 0.02", parsePositive)
    .option("--within <percent>", "how precisely each latency must be known; default ± 10 %", parsePositive)
    .option("--networks <n>", "whole networks to compare the sums with, 20 or more, or 0; default 20", parseCount)
    .addOption(
      new Option(
        "--clock <name>",
        "wall (default), or processor: time in which other programs had the processor does not count (not a latency; one thread)",
      ).choices(["wall", "processor"]),
    )
    .addOption(new Option("--resume", "continue the existing table, or start one").conflicts("force"))
    .option("--force", "overwrite the existing file")
    .action(async (path: string, flags: TableFlags) => {
      const { config } = loadConfig(path, { overrides: [...flags.set, ...engineOverrides(flags)] });
      const { out, batch, size, classes, networks } = flags;
      const work = ({ signal, onEvent }: Watch) =>
        context.api.slim.table({
          ...{ config, out, batch, size, classes, signal, onEvent },
          ...measuringOptions(flags),
          ...(networks !== undefined && { networks }),
          resume: flags.resume === true,
          force: flags.force === true,
        });
      const result = await showing(context, work);
      printResult(context, flags, result, () => describeTable(result));
    });
}
