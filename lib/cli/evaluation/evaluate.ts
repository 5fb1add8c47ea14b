import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../../errors.js";
import { type Context, printResult } from "../context.js";
import { type ModelOptions, modelOf } from "../model.js";
import { groupByMode, type Modes, refuseOthers } from "../modes.js";
import { createCommand, MODEL, withOverrides, withPlugins, withWeights } from "../options.js";
import { showing } from "../progress.js";
import { metricsTable } from "../table.js";
import { type CocoFlags, evaluateCoco } from "./coco.js";
import { evaluateLabelMaps, type LabelMapFlags } from "./labelMaps.js";

type ModelFlags = ModelOptions & { readonly out?: string };
type Flags = ModelFlags & Partial<CocoFlags & LabelMapFlags>;

const EXAMPLES = [
  "evaluate runs/my",
  "evaluate my.yaml --weights runs/my/best.safetensors --json > metrics.json",
  "evaluate my.yaml --weights runs/other --out other-on-my-data",
  "evaluate --annotations instances_val2017.json --results results.json --type bbox",
  "evaluate --annotations a.json --results r.json --type segm --categories person,car --iou 0.5,0.75 --json",
  "evaluate --predictions maps/ --annotations labels/ --classes names.txt --reduce-zero-label",
];

/** `evaluate`: a model on its validation set, or third-party results. */
export function evaluateCommand(context: Context): Command {
  const command = createCommand(
    "evaluate",
    "Evaluate a model on its validation set, or third-party results: COCO files, or folders of label maps",
    EXAMPLES,
  ).argument("[model]", `${MODEL}; omit it for third-party results`);
  withPlugins(withWeights(withOverrides(command)))
    .option(
      "--out <folder>",
      "where metrics and results go; default evaluation/ in its output folder, unless the run there has other weights, another validation set or other settings that decide metrics",
    )
    .option("--annotations <path>", "COCO instances file; for label maps the folder of the ground truth");
  for (const option of [...COCO_OPTIONS, ...LABEL_MAP_OPTIONS]) command.addOption(option);
  groupByMode(command, MODES);
  return command.action(async (model: string | undefined, flags: Flags) => {
    if (model !== undefined) {
      refuseOthers(command, MODES, "model");
      return evaluateModel(model, flags, context);
    }
    const { annotations, results, predictions } = flags;
    if (annotations !== undefined && results !== undefined && predictions === undefined) {
      refuseOthers(command, MODES, "coco");
      return evaluateCoco({ ...flags, annotations, results }, context);
    }
    if (annotations !== undefined && predictions !== undefined && results === undefined) {
      refuseOthers(command, MODES, "labelMaps");
      return evaluateLabelMaps({ ...flags, annotations, predictions }, context);
    }
    throw new UserError(
      "name a model, or give --annotations with --results (COCO files), or --annotations with --predictions " +
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

/** What is evaluated, and which options go with it. */
const MODES: Modes<"model" | "coco" | "labelMaps"> = {
  names: {
    model: "a model",
    coco: "COCO files (--annotations with --results)",
    labelMaps: "folders of label maps (--annotations with --predictions)",
  },
  options: {
    "--set": ["model"],
    "--allow-plugins": ["model"],
    "--weights": ["model"],
    "--out": ["model"],
    "--annotations": ["coco", "labelMaps"],
    "--results": ["coco"],
    "--type": ["coco"],
    "--iou": ["coco"],
    "--max-detections": ["coco"],
    "--areas": ["coco"],
    "--class-agnostic": ["coco"],
    "--categories": ["coco"],
    "--images": ["coco"],
    "--predictions": ["labelMaps"],
    "--classes": ["labelMaps"],
    "--object-info": ["labelMaps"],
    "--ignore-index": ["labelMaps"],
    "--reduce-zero-label": ["labelMaps"],
    "--resize": ["labelMaps"],
    "--annotation-suffix": ["labelMaps"],
    "--prediction-suffix": ["labelMaps"],
    "--threads": ["coco", "labelMaps"],
  },
};

async function evaluateModel(named: string, flags: Flags, context: Context): Promise<void> {
  const { out } = flags;
  const model = await modelOf(named, flags, context);
  const result = await showing(context, (watch) =>
    context.api.evaluate({ ...model, ...(out !== undefined && { output: resolve(out) }), ...watch }),
  );
  printResult(context, flags, result, () =>
    [metricsTable(result.metrics ?? {}), "", `metrics and results are in ${result.output}`].join("\n"),
  );
}
