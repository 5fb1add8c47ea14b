import { basename, join, relative, resolve } from "node:path";
import { stringify } from "yaml";
import { requireOptions } from "../arguments.js";
import { backboneTitle } from "../backbones/index.js";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { writeFileAtomic } from "../files.js";
import { checkCharts } from "../images/draw/vega.js";
import { evaluate } from "../inference/evaluate.js";
import { checkPageFile, folded, keyFigures, note, preformatted, renderPage, type Section } from "../pages/index.js";
import { kindOf } from "../tasks/kinds.js";
import { percent } from "./format.js";
import { evaluationPart, refuseOthers } from "./parts.js";
import { evaluationFolder, openRun, type Run, type StoredEvaluation, storedEvaluation } from "./run.js";
import { trainingSection } from "./trainingPage.js";
import type { ReportOptions, ReportResult } from "./types.js";

/**
 * Writes one self-contained HTML page on a run: metrics by class, precision-recall curves, the cost of each kind of
 * error, confusions, the worst images, and the training curves. What a run does not have is left out, and a remark says
 * so. Stored results of an evaluation are used; if there are none, the best weights are evaluated first.
 *
 * @throws UserError when the folder is not a run's, a file in it is damaged, or the validation set cannot be read; the
 *   signal's reason when aborted
 */
export async function report(options: ReportOptions): Promise<ReportResult> {
  requireOptions("report", options, { run: "path" });
  checkOptions(options);
  if (options.out !== undefined) checkPageFile(options.out, options.force);
  await checkCharts();
  const run = await openRun(options.run, options.overrides);
  refuseOthers(run.config.task, options);
  const file = resolve(options.out ?? join(run.folder, "report.html"));
  checkPageFile(file, options.force);
  const remarks: string[] = [];
  const stored = await findEvaluation(run, options, remarks);
  const found = stored && (await evaluationPart(stored, run.weights, options));
  remarks.push(...(stored === undefined ? [] : foreignRemarks(stored, run)), ...(found?.remarks ?? []));
  const training = run.history && (await trainingSection(run.history));
  if (training === undefined) remarks.push("There is no training log with steps, so there are no training curves.");
  const sections = [
    overview(run, stored, remarks),
    ...(found?.sections ?? []),
    ...(training === undefined ? [] : [training]),
    configSection(run, stored),
  ];
  const subtitle = `${kindOf(run.config).title}, ${backboneTitle(run.config.model.backbone)}`;
  await writeFileAtomic(file, renderPage({ title: `Report: ${basename(run.folder)}`, subtitle, sections }));
  return {
    file,
    run: run.folder,
    task: run.config.task,
    metrics: stored?.metrics ?? {},
    perClass: stored?.perClass ?? [],
    worst: [],
    ...found?.result,
    remarks,
  };
}

function checkOptions({ iouThreshold: iou, scoreThreshold: score, worst }: ReportOptions): void {
  if (iou !== undefined && !(iou > 0.1 && iou <= 1)) {
    throw new UserError(`the IoU threshold must be above 0.1 and at most 1, not ${iou}`, 2);
  }
  if (score !== undefined && !(score >= 0 && score <= 1)) {
    throw new UserError(`the score threshold must be from 0 to 1, not ${score}`, 2);
  }
  if (worst !== undefined && !(Number.isInteger(worst) && worst >= 0)) {
    throw new UserError(`the number of worst images must be a whole number, not ${worst}`, 2);
  }
}

async function findEvaluation(
  run: Run,
  { evaluate: wanted = true, overrides, signal, onEvent }: ReportOptions,
  remarks: string[],
): Promise<StoredEvaluation | undefined> {
  const stored = await storedEvaluation(run, overrides);
  if (stored !== undefined) return stored;
  const { weights, config } = run;
  if (weights === undefined || !wanted) {
    const reason = weights === undefined ? "the run has no weights yet" : "evaluation was turned off";
    remarks.push(`There is no evaluation of the newest weights, and ${reason}: metrics and images are left out.`);
    return undefined;
  }
  const output = evaluationFolder(run.folder);
  await evaluate({ config, weights, output, ...(signal && { signal }), ...(onEvent && { onEvent }) });
  return storedEvaluation(run, overrides);
}

const SHOWN = ["boxAP", "boxAP50", "maskAP", "maskAP50", "mIoU", "mAcc", "aAcc", "top1", "top5", "f1", "ece"];

function overview({ folder, weights }: Run, stored: StoredEvaluation | undefined, remarks: readonly string[]): Section {
  const { metrics = {} } = stored ?? {};
  const numbers = SHOWN.flatMap((name): [string, string][] =>
    metrics[name] === undefined ? [] : [[`${name}, %`, percent(metrics[name])]],
  );
  const measured = stored?.weights ?? weights;
  const text = [
    ...(measured === undefined ? [] : [`Weights: ${shortened(measured, folder)}.`]),
    ...(stored === undefined ? [] : [`Validation set: ${describeSet(stored.config)}.`]),
  ];
  return {
    title: "Overview",
    ...(text.length > 0 && { text: text.join(" ") }),
    content: [...remarks.map(note), ...(numbers.length > 0 ? [keyFigures(numbers)] : [])],
  };
}

/** As the config names it: its paths, and how many images of it. */
const describeSet = ({ data }: Config): string =>
  Object.entries(data.val)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");

const MOST_NAMED = 5;

/** Where the stored figures are of other weights than the run's, or not by its config. */
function foreignRemarks({ folder, weights, ofOtherWeights, others }: StoredEvaluation, run: Run): string[] {
  const advice = `Delete the folder ${folder} and report evaluates the run by its own`;
  const told = others
    .slice(0, MOST_NAMED)
    .map(({ path, here, own }) => `${path} is ${here}, in the run's config ${own}`);
  const more = others.length > MOST_NAMED ? `; and ${others.length - MOST_NAMED} more` : "";
  return [
    ...(ofOtherWeights
      ? [`The evaluation is of the weights ${weights}, not of the run's own, ${run.weights}. ${advice} weights.`]
      : []),
    ...(others.length > 0
      ? [`The evaluation is not by the run's config: ${told.join("; ")}${more}. ${advice} config.`]
      : []),
  ];
}

/** Relative where it lies within the run's folder. */
function shortened(path: string, folder: string): string {
  const inside = relative(folder, path);
  return inside.startsWith("..") ? path : inside;
}

function configSection({ config }: Run, stored: StoredEvaluation | undefined): Section {
  const whole = (title: string, shown: Config) => folded(title, [preformatted(stringify(shown))]);
  const own =
    stored === undefined || stored.others.length === 0 ? [] : [whole("The evaluation's config", stored.config)];
  return { title: "Config", content: [whole("The whole config", config), ...own] };
}
