import { type Command, InvalidArgumentError, Option } from "commander";
import { UserError } from "../../errors.js";
import type { Split } from "../../tasks/sources.js";
import { counted } from "../../words.js";
import { type Context, printResult } from "../context.js";
import { type Modes, refuseOthers } from "../modes.js";
import { createCommand, parseWhole } from "../options.js";
import { showing } from "../progress.js";
import { readSource, type SourceFlags, withSource } from "./source.js";

interface ShowFlags extends SourceFlags {
  readonly out: string;
  readonly split: Split;
  readonly count: number;
  readonly columns: number;
  readonly height: number;
  readonly seed: number;
  readonly only?: string;
  readonly augmented?: true;
  readonly force?: true;
}

const OUTPUT_MODES: Modes<"sheet" | "page"> = {
  names: { sheet: "a sheet (.jpg, .png)", page: "a page (.html)" },
  options: { "--columns": ["sheet"] },
};

const isPage = (out: string): boolean => /\.html$/i.test(out);

export function showCommand(context: Context): Command {
  const examples = [
    "data show my.yaml --out sheet.jpg",
    "data show my.yaml --augmented --out augmented.html --set data.batchSize=4",
    "data show --annotations train.json --images train --only dog --count 20 --out dogs.png",
    "data show --images class-folders --out sheet.html",
  ];
  return withSource(createCommand("show", "Draw a contact sheet: images with their annotations", examples))
    .requiredOption("--out <file>", "output file: .jpg or .png for a sheet, .html for a page")
    .addOption(new Option("--split <name>", "which set of the config").choices(["train", "val"]).default("train"))
    .option("--count <number>", "number of images", parseWhole, 12)
    .option("--columns <number>", "images per row of the sheet", parseWhole, 4)
    .option("--height <pixels>", "height of each image on the sheet", parseWhole, 320)
    .option("--seed <number>", "chooses the images", toSeed, 0)
    .option("--only <class>", "only images with this class")
    .option("--augmented", "as the network sees them, after the config's training transforms and loader")
    .option("--force", "overwrite what is there")
    .action(async (path: string | undefined, flags: ShowFlags, command: Command) => {
      const { config, sources } = await readSource(path, flags, [flags.split], command);
      refuseOthers(command, OUTPUT_MODES, isPage(flags.out) ? "page" : "sheet");
      if (flags.augmented && config === undefined) throw new UserError("--augmented needs a config with transforms", 2);
      if (flags.augmented && flags.only !== undefined) {
        throw new UserError("--only cannot be had with --augmented, which draws the loader's own batches", 2);
      }
      const { count, columns, height, seed, only, out } = flags;
      const result = await showing(context, (watch) =>
        context.api.data.show({
          source: sources[0]!,
          output: out,
          count,
          columns,
          height,
          seed,
          ...(only !== undefined && { className: only }),
          ...(flags.augmented && config !== undefined && { augmented: config }),
          ...(flags.force && { force: true }),
          ...watch,
        }),
      );
      printResult(context, flags, result, () => `${out}: ${counted(result.images.length, "image")}`);
    });
}

export function toSeed(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("It must be a whole number from 0.");
  return value;
}
