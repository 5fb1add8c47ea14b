import { resolve } from "node:path";
import type { Command } from "commander";
import { loadConfig } from "../config/load.js";
import { UserError } from "../errors.js";
import { findWeights } from "../runs/folder.js";
import { counted } from "../words.js";
import { type ConfigOptions, type Context, printResult } from "./context.js";
import { createCommand, withConfig } from "./options.js";
import { showing } from "./progress.js";

interface PredictFlags extends ConfigOptions {
  readonly weights: string;
  readonly out: string;
}

export function predictCommand(context: Context): Command {
  const examples = [
    "predict my.yaml photo.jpg --weights runs/my --out predictions",
    'predict my.yaml "photos/**/*.jpg" --weights runs/my --out predictions --set model.head.test.scoreThreshold=0.5',
  ];
  return withConfig(
    createCommand("predict", "Find objects or classes in pictures: overlays, and the results as data", examples),
  )
    .argument("<pictures...>", "files, folders or glob patterns")
    .requiredOption("--weights <path>", "weights file, checkpoint or run folder (its best weights)")
    .requiredOption("--out <folder>", "where overlays, results JSON and label maps go")
    .action(async (path: string, inputs: readonly string[], flags: PredictFlags) => {
      const { config } = loadConfig(path, { overrides: flags.set });
      const weights = await findWeights(flags.weights);
      const outDir = resolve(flags.out);
      const result = await showing(context, (watch) =>
        context.api.predictFiles({ config, weights, inputs, outDir, ...watch }),
      );
      printResult(context, flags, result, () => `the results are in ${outDir}`);
      const { pictures, unreadable } = result;
      if (unreadable.length > 0) {
        throw new UserError(
          `${unreadable.length} of ${counted(pictures.length + unreadable.length, "picture")} could not be read ` +
            `(${unreadable.map(({ input }) => input).join(", ")}); the results are those of the others`,
        );
      }
    });
}
