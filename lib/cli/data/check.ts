import type { Command } from "commander";
import type { CheckResult, Problem } from "../../datatools/check/types.js";
import { UserError } from "../../errors.js";
import { counted } from "../../words.js";
import { type Context, printResult } from "../context.js";
import { createCommand } from "../options.js";
import { showing } from "../progress.js";
import { isAnyGiven, readSource, type SourceFlags, sourceOfPaths, withSource } from "./source.js";

interface CheckFlags extends SourceFlags {
  readonly valAnnotations?: string;
  readonly valLabelMaps?: string;
  readonly valLabels?: string;
  readonly valImages?: string;
  readonly pixels: boolean;
  readonly all?: true;
}

export function checkCommand(context: Context): Command {
  const examples = [
    "data check my.yaml",
    "data check --annotations train.json --images train",
    "data check --annotations train.json --images train --val-annotations val.json --val-images val --json",
    "data check --images class-folders",
    "data check --labels train.csv --images images --val-labels val.csv --val-images images",
    "data check --label-maps annotations --images images --object-info objectInfo150.txt --reduce-zero-label",
  ];
  const description = "Find every problem of a data set: annotations, files, sizes, labels, images in both splits";
  return withSource(createCommand("check", description, examples))
    .option("--val-annotations <file>", "a second set, searched for images in both")
    .option("--val-label-maps <folder>", "the same, as label maps")
    .option("--val-labels <file>", "the same, as a list of classes")
    .option("--val-images <folder>", "the images of the second set")
    .option("--no-pixels", "do not decode images: faster, but misses damaged, wrongly sized and shared ones")
    .option("--all", "list all problems; default ten of a kind")
    .action(async (config: string | undefined, flags: CheckFlags, command: Command) => {
      const { sources } = await readSource(config, flags, ["train", "val"], command);
      const { valAnnotations: annotations, valLabelMaps: labelMaps, valLabels: labels, valImages: images } = flags;
      const paths = { annotations, labelMaps, labels, images };
      const second = isAnyGiven(paths);
      if (second && config !== undefined) throw new UserError("a config names its own validation set", 2);
      const sets = second ? [...sources, await sourceOfPaths({ name: "val", ...paths }, flags, command)] : sources;
      if (sets.some(({ kind }) => kind !== sets[0]!.kind)) {
        throw new UserError("which second data set? Give it like the first, with the same options prefixed --val-", 2);
      }
      const result = await showing(context, (watch) =>
        context.api.data.check({ sources: sets, pixels: flags.pixels, ...watch }),
      );
      printResult(context, flags, result, () => problemList(result, flags.all === true));
      if (result.errors > 0) throw new UserError(`${counted(result.errors, "error")} found; fix them before training`);
    });
}

const SHOWN = 10;

/** Problems under headings of severity and kind, errors first. */
function problemList({ sets, problems, errors, warnings }: CheckResult, all: boolean): string {
  const groups = new Map<string, Problem[]>();
  for (const problem of problems) {
    const heading = `${problem.severity}: ${problem.kind}, ${problem.set}`;
    const group = groups.get(heading);
    if (group === undefined) groups.set(heading, [problem]);
    else group.push(problem);
  }
  const lines = Array.from(groups, ([heading, group]) => {
    const shown = all ? group : group.slice(0, SHOWN);
    const rest = group.length - shown.length;
    return [
      `${heading} (${group.length})`,
      ...shown.map(({ file, entry, message }) => `  ${file}: ${entry === undefined ? "" : `${entry}: `}${message}`),
      ...(rest > 0 ? [`  and ${rest} more; --all lists them`] : []),
      "",
    ].join("\n");
  });
  const looked = sets.map(({ name, images, annotations }) => {
    const objects = annotations === undefined ? "" : `, ${counted(annotations, "object")}`;
    return `${name}: ${counted(images, "image")}${objects}`;
  });
  return [...lines, ...looked, `${counted(errors, "error")}, ${counted(warnings, "warning")}`].join("\n");
}
