import type { Command } from "commander";
import { loadConfig } from "../config/load.js";
import { findWeights } from "../training/checkpoint.js";
import { type ConfigOptions, type Context, printResult } from "./context.js";
import { createCommand, withConfig } from "./options.js";
import { createProgress } from "./progress.js";
import { metricsTable } from "./table.js";

interface EvaluateFlags extends ConfigOptions {
  readonly weights: string;
}

export function evaluateCommand(context: Context): Command {
  const examples = [
    "evaluate my.yaml --weights runs/my",
    "evaluate my.yaml --weights runs/my/best.safetensors --json > metrics.json",
  ];
  return withConfig(createCommand("evaluate", "Measure a model on the validation set", examples))
    .requiredOption("--weights <path>", "weights file, checkpoint or run folder (its best weights)")
    .action(async (path: string, flags: EvaluateFlags) => {
      const { config } = loadConfig(path, { overrides: flags.set });
      const weights = await findWeights(flags.weights);
      const progress = createProgress({ stream: context.stderr, every: 1 });
      const onEvent = progress.show;
      const result = await context.api
        .evaluate({ config, weights, signal: context.signal, onEvent })
        .finally(() => progress.stop());
      printResult(context, flags, result, () => metricsTable(result.metrics ?? {}));
    });
}
