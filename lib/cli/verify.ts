import type { Command } from "commander";
import { UserError } from "../errors.js";
import type { VerifyResult } from "../export/verify/result.js";
import { counted } from "../words.js";
import { type Context, printResult } from "./context.js";
import { type ModelOptions, modelOf } from "./model.js";
import { createCommand, MODEL, parsePositive, withOverrides, withPlugins, withWeights } from "./options.js";
import { showing } from "./progress.js";
import { table } from "./table.js";

interface VerifyFlags extends ModelOptions {
  readonly against: string;
  readonly images?: readonly string[];
  readonly data?: true;
  readonly tolerance?: number;
}

export function verifyCommand(context: Context): Command {
  const examples = [
    "verify my.onnx --against runs/my",
    'verify my.onnx --against my.yaml --weights runs/my --images "photos/*.jpg" --data --json',
  ];
  const command = createCommand("verify", "Check that an exported file gives the same results as the model", examples)
    .argument("<model>", "the exported file")
    .requiredOption("--against <model>", `what was exported: ${MODEL}`);
  return withPlugins(withWeights(withOverrides(command)))
    .option("--images <paths...>", "files, folders or glob patterns; default the first of the validation set")
    .option("--data", "also evaluate both on the validation set")
    .option("--tolerance <x>", "largest relative difference; default 0.001, or 0.05 for a float16 file", parsePositive)
    .action(async (model: string, flags: VerifyFlags) => {
      const against = await modelOf(flags.against, flags, context);
      const { images, tolerance } = flags;
      const result = await showing(context, async (watch) =>
        context.api.verifyModel({
          model,
          ...against,
          ...(images !== undefined && { images }),
          ...(tolerance !== undefined && { tolerance }),
          data: flags.data === true,
          ...watch,
        }),
      );
      printResult(context, flags, result, () => report(result));
      if (!result.passed) throw new UserError(`${model} differs from the model: ${result.failures.join("; ")}`);
    });
}

function report({ outputs, found, map, metrics, images, tolerance, passed }: VerifyResult): string {
  const number = (value: number) => value.toPrecision(3);
  const rows = Object.entries(outputs).map(([name, { largest, relative }]) => [
    name,
    number(largest),
    number(relative),
  ]);
  const lines = rows.length === 0 ? [] : [table([["output", "largest difference", "relative"], ...rows])];
  if (found !== undefined) {
    const mask = found.mask === undefined ? "" : `, masks ${number(100 * found.mask)} % of their pixels`;
    lines.push(
      `${counted(found.pairs, "object")} compared: boxes differ by up to ${number(found.box)} pixels, ` +
        `scores by ${number(found.score)}${mask}; ${found.unmatched} without a partner`,
    );
  }
  if (map !== undefined) lines.push(`label maps differ in ${number(100 * map)} % of their pixels`);
  if (metrics !== undefined) {
    const names = Object.keys(metrics.model);
    const row = (name: string) => [
      name,
      metrics.model[name]!.toFixed(4),
      (metrics.file[name] ?? Number.NaN).toFixed(4),
    ];
    lines.push(table([["figure", "model", "file"], ...names.map(row)]));
  }
  return [...lines, `${counted(images, "image")}, tolerance ${tolerance}: ${passed ? "passed" : "failed"}`].join("\n");
}
