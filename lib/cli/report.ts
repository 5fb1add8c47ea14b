import { type Command, InvalidArgumentError, Option } from "commander";
import type { EvaluationType } from "../metrics/coco/tables.js";
import type { ReportResult } from "../report/types.js";
import { type ConfigOptions, type Context, printResult } from "./context.js";
import { collect, createCommand } from "./options.js";
import { showing } from "./progress.js";
import { metricsTable, table } from "./table.js";

interface ReportFlags extends ConfigOptions {
  readonly out?: string;
  readonly force?: boolean;
  readonly evaluation: boolean;
  readonly type?: EvaluationType;
  readonly iou?: number;
  readonly score?: number;
  readonly worst?: number;
}

export function reportCommand(context: Context): Command {
  const examples = [
    "report runs/my",
    "report runs/my --out my.html --score 0.5",
    "report runs/my --force --json > understanding.json",
    "report runs/my --force --set data.val.images=val --set data.val.annotations=val.json",
  ];
  const description =
    "Explain a run in one HTML page: curves, classes, kinds of error, confusions, worst images, training";
  return createCommand("report", description, examples)
    .argument("<run>", "a run's folder")
    .option("--out <file>", "the page; default report.html in the run's folder")
    .option("--force", "overwrite the page that is there")
    .option("--no-evaluation", "use stored results only; without any, the page shows the training alone")
    .addOption(
      new Option(
        "--type <type>",
        "what confusions and worst images are based on; default masks, if there are any",
      ).choices(["bbox", "segm"]),
    )
    .option("--iou <overlap>", "IoU at which an object counts as found; default 0.5", number)
    .option(
      "--score <threshold>",
      "ignore lower scores in confusions and images; default the score with the best F1",
      number,
    )
    .option("--worst <n>", "how many of the worst images are shown; default 8", number)
    .addOption(
      new Option("--set <path=value>", "override a value of the run's config; null deletes it; repeatable")
        .argParser(collect)
        .default([], "none"),
    )
    .action(async (run: string, flags: ReportFlags) => {
      const { out, force, type, iou, score, worst } = flags;
      const result = await showing(context, (watch) =>
        context.api.report({
          run,
          overrides: flags.set,
          evaluate: flags.evaluation,
          ...(out !== undefined && { out }),
          ...(force !== undefined && { force }),
          ...(type !== undefined && { type }),
          ...(iou !== undefined && { iouThreshold: iou }),
          ...(score !== undefined && { scoreThreshold: score }),
          ...(worst !== undefined && { worst }),
          ...watch,
        }),
      );
      for (const remark of result.remarks) context.stderr.write(`${remark}\n`);
      printResult(context, flags, result, () => summary(result));
    });
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("expected a number");
  return value;
}

/** The metrics, the cost of errors, and where the page is. */
function summary({ metrics, detection, file }: ReportResult): string {
  const types = Object.keys(detection?.errors ?? {}) as EvaluationType[];
  const costs = types.flatMap((type) => {
    const rows = detection!.errors[type]!.errors.map(({ kind, count, deltaAp }) => [
      kind,
      String(count),
      deltaAp.toFixed(4),
    ]);
    return [table([[`errors (${type})`, "count", "cost in AP"], ...rows]), ""];
  });
  return [metricsTable(metrics), "", ...costs, file].join("\n").trimStart();
}
