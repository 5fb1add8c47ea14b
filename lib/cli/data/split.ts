import { type Command, InvalidArgumentError, Option } from "commander";
import type { SplitResult } from "../../datatools/split/split.js";
import { counted } from "../../words.js";
import { type Context, printResult } from "../context.js";
import { createCommand, REPLACE } from "../options.js";
import { showing } from "../progress.js";
import { table } from "../table.js";
import { toSeed } from "./show.js";
import { type PathFlags, pathsOf, sourceOfPaths, withPaths } from "./source.js";

interface SplitFlags extends PathFlags {
  readonly out: string;
  readonly shares: Readonly<Record<string, number>>;
  readonly seed: number;
  readonly groupBy?: string;
  readonly force?: true;
}

export function splitCommand(context: Context): Command {
  const examples = [
    "data split --annotations instances.json --out splits",
    "data split --annotations instances.json --shares train=0.7,val=0.15,test=0.15 --seed 1 --out splits",
    "data split --images class-folders --shares train=0.9,val=0.1 --out lists",
    'data split --label-maps annotations --images images --classes road,tree --group-by "^(.*)_[0-9]+" --out splits',
  ];
  const description = "Split a data set so that every part has its share of each class";
  return withPaths(createCommand("split", description, examples))
    .requiredOption(
      "--out <folder>",
      "where instances_NAME.json go; for label maps, images/NAME and annotations/NAME; for classification, NAME.csv",
    )
    .addOption(
      new Option("--shares <list>", "name=share of each part; they sum to 1")
        .argParser(toShares)
        .default({ train: 0.8, val: 0.2 }, "train=0.8,val=0.2"),
    )
    .option("--seed <number>", "seed of the random split", toSeed, 0)
    .option("--group-by <expression>", "images whose names have the same first group (or match) stay together")
    .option(...REPLACE)
    .action(async (flags: SplitFlags, command: Command) => {
      const paths = pathsOf(flags);
      // For a COCO file the images are not read.
      const images = flags.annotations === undefined ? flags.images : (flags.images ?? ".");
      const source = await sourceOfPaths({ name: "data", ...paths, images }, flags, command);
      const { out: output, shares, seed, groupBy } = flags;
      const result = await showing(context, (watch) =>
        context.api.data.split({
          source,
          output,
          shares,
          seed,
          ...(groupBy !== undefined && { groupBy }),
          ...(flags.force && { force: true }),
          ...watch,
        }),
      );
      printResult(context, flags, result, () => summary(result));
    });
}

function toShares(text: string): Record<string, number> {
  const pairs = text.split(",").map((part) => part.split("="));
  if (
    pairs.some((pair) => pair.length !== 2 || pair[0]?.trim() === "" || Number.isNaN(Number(pair[1])) || pair[1] === "")
  ) {
    throw new InvalidArgumentError("Expected name=share, such as train=0.8,val=0.2.");
  }
  const names = pairs.map(([name]) => name!.trim());
  if (new Set(names).size < names.length) throw new InvalidArgumentError("A name occurs twice.");
  return Object.fromEntries(pairs.map(([, share], i) => [names[i], Number(share)]));
}

function summary({ sets, groups, empty = [] }: SplitResult): string {
  const total = sets.reduce((sum, { images }) => sum + images, 0);
  const cell = (part: number, of: number): string =>
    `${part} (${of === 0 ? "–" : `${((100 * part) / of).toFixed(1)} %`})`;
  const classes = Object.keys(sets[0]?.classes ?? {});
  const rows = classes.map((name) => {
    const all = sets.reduce((sum, set) => sum + (set.classes[name] ?? 0), 0);
    return [name, ...sets.map((set) => cell(set.classes[name] ?? 0, all))];
  });
  const head = ["images with", ...sets.map(({ name }) => name)];
  const lines = table([head, ["all", ...sets.map(({ images }) => cell(images, total))], ...rows]);
  const grouped = groups < total ? [`${counted(groups, "group")} stayed together`] : [];
  const notes = empty.length === 0 ? [] : [`note: no images of ${empty.join(", ")}`];
  return [lines, ...grouped, ...notes, ...sets.map(({ name, path }) => `${name}: ${path}`)].join("\n");
}
