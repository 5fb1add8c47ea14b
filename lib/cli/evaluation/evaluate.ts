import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { loadConfig } from "../../config/load.js";
import { UserError } from "../../errors.js";
import { findWeights } from "../../runs/folder.js";
import { type ConfigOptions, type Context, printResult } from "../context.js";
import { collect, createCommand } from "../options.js";
import { showing } from "../progress.js";
import { metricsTable } from "../table.js";
import { type CocoFlags, evaluateCoco } from "./coco.js";
import { evaluateLabelMaps, type LabelMapFlags } from "./labelMaps.js";

type ModelFlags = ConfigOptions & { readonly weights?: string; readonly out?: string };
type Flags = ModelFlags & Partial<CocoFlags & LabelMapFlags>;

const EXAMPLES = [
  "evaluate my.yaml --weights runs/my",
  "evaluate my.yaml --weights runs/my/best.safetensors --json > metrics.json",
  "evaluate my.yaml --weights runs/other --out other-on-my-data",
  "evaluate --annotations instances_val2017.json --results results.json --type bbox",
  "evaluate --annotations a.json --results r.json --type segm --categories person,car --iou 0.5,0.75 --json",
  "evaluate --predictions maps/ --annotations labels/ --classes names.txt --reduce-zero-label",
];

/** `evaluate`: a model on its validation set, or files of results from anywhere. */
export function evaluateCommand(context: Context): Command {
  const command = createCommand(
    "evaluate",
    "Evaluate a model on its validation set, or third-party results: COCO files, or folders of label maps",
    EXAMPLES,
  )
    .argument(
      "[config]",
      "config file (YAML), or the name of one shipped with densekit; omit it for third-party results",
    )
    .addOption(
      new Option("--set <path=value>", "override a value of the config; null deletes it; repeatable")
        .argParser(collect)
        .default([], "none"),
    )
    .option("--weights <path>", "with a config: weights file, checkpoint or run folder (its best weights)")
    .option(
      "--out <folder>",
      "with a config: where metrics and results go; default evaluation/ in its output folder, unless a run of other weights is there",
    )
    .option("--annotations <path>", "COCO instances file; for label maps the folder of the ground truth");
  for (const option of [...COCO_OPTIONS, ...LABEL_MAP_OPTIONS]) command.addOption(option);
  return command.action(async (config: string | undefined, flags: Flags) => {
    if (config !== undefined) return evaluateModel(config, flags, context);
    if (flags.out !== undefined) {
      throw new UserError("--out is for a model with its config; figures of files are printed, with --json as JSON", 2);
    }
    const { annotations, results, predictions } = flags;
    if (annotations !== undefined && results !== undefined && predictions === undefined) {
      return evaluateCoco({ ...flags, annotations, results }, context);
    }
    if (annotations !== undefined && predictions !== undefined && results === undefined) {
      return evaluateLabelMaps({ ...flags, annotations, predictions }, context);
    }
    throw new UserError(
      "give a config with --weights, or --annotations with --results (COCO files), or --annotations with --predictions " +
        "(folders of label maps)",
      2,
    );
  });
}

const COCO_OPTIONS = [
  new Option("--results <file>", "COCO results file"),
  new Option("--type <type>", "evaluate boxes or masks").choices(["bbox", "segm"]),
  new Option("--iou <list>", "IoU thresholds; default 0.5,0.55,…,0.95"),
  new Option("--max-detections <list>", "detections per image and category; default 1,10,100"),
  new Option("--areas <list>", "size classes as name:low-high; default all:0-1e10,small:0-1024,…"),
  new Option("--class-agnostic", "treat all objects as one class"),
  new Option("--categories <list>", "evaluate only these, by name or id"),
  new Option("--images <list>", "evaluate only these image ids; @FILE: one per line"),
];

const LABEL_MAP_OPTIONS = [
  new Option("--predictions <folder>", "label maps (PNG) named like those of --annotations"),
  new Option("--classes <file>", "class names, one per line, from label 0 on; default: as many as occur"),
  new Option("--object-info <file>", "instead of --classes: table of class names like ADE20K's"),
  new Option("--ignore-index <label>", "pixels with this label are left out; default 255"),
  new Option("--reduce-zero-label", "annotations: label 0 is no class, 1 is the first; predictions start at 0"),
  new Option("--resize", "resize predictions to the annotations' size (nearest pixel)"),
  new Option("--annotation-suffix <text>", "file name ending in --annotations; default .png"),
  new Option("--prediction-suffix <text>", "the same in --predictions; default .png"),
  new Option("--threads <n>", "default: as many as the processor runs at once"),
];

async function evaluateModel(path: string, flags: Flags, context: Context): Promise<void> {
  const { weights: given, out, set } = flags;
  if (given === undefined) throw new UserError("required option '--weights <path>' not specified", 2);
  const other = (["annotations", "results", "predictions"] as const).find((name) => flags[name] !== undefined);
  if (other !== undefined) {
    throw new UserError(`--${other} is for third-party results; with a config its validation set is evaluated`, 2);
  }
  const { config } = loadConfig(path, { overrides: set });
  const weights = await findWeights(given);
  const result = await showing(context, (watch) =>
    context.api.evaluate({ config, weights, ...(out !== undefined && { output: resolve(out) }), ...watch }),
  );
  printResult(context, flags, result, () =>
    [metricsTable(result.metrics ?? {}), "", `metrics and results are in ${result.output}`].join("\n"),
  );
}
