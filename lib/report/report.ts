import { basename, join, relative, resolve } from "node:path";
import { stringify } from "yaml";
import { requireOptions } from "../arguments.js";
import { backboneTitle } from "../backbones/index.js";
import { UserError } from "../errors.js";
import { writeFileAtomic } from "../files.js";
import { checkCharts } from "../images/draw/vega.js";
import { evaluate } from "../inference/evaluate.js";
import { checkPageFile, folded, keyFigures, note, preformatted, renderPage, type Section } from "../pages/index.js";
import { kindOf } from "../tasks/kinds.js";
import { percent } from "./format.js";
import { evaluationPart } from "./parts.js";
import { openRun, type Run, type StoredEvaluation, storedEvaluation } from "./run.js";
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
  const remarks: string[] = [];
  const stored = await findEvaluation(run, options, remarks);
  const found = stored && (await evaluationPart(stored, run.weights, options));
  remarks.push(...(found?.remarks ?? []));
  const training = run.history && (await trainingSection(run.history));
  if (training === undefined) remarks.push("There is no training log with steps, so there are no training curves.");
  const sections = [
    overview(run, stored, remarks),
    ...(found?.sections ?? []),
    ...(training === undefined ? [] : [training]),
    configSection(run),
  ];
  const file = resolve(options.out ?? join(run.folder, "report.html"));
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
  await evaluate({ config, weights, ...(signal && { signal }), ...(onEvent && { onEvent }) });
  return storedEvaluation(run, overrides);
}

const SHOWN = ["boxAP", "boxAP50", "maskAP", "maskAP50", "mIoU", "mAcc", "aAcc", "top1", "top5", "f1", "ece"];

function overview({ folder, weights }: Run, stored: StoredEvaluation | undefined, remarks: readonly string[]): Section {
  const { metrics = {} } = stored ?? {};
  const numbers = SHOWN.flatMap((name): [string, string][] =>
    metrics[name] === undefined ? [] : [[`${name}, %`, percent(metrics[name])]],
  );
  const measured = stored?.weights ?? weights;
  return {
    title: "Overview",
    ...(measured !== undefined && { text: `Weights: ${shortened(measured, folder)}.` }),
    content: [...remarks.map(note), ...(numbers.length > 0 ? [keyFigures(numbers)] : [])],
  };
}

/** Relative if it is within the run's folder. */
function shortened(path: string, folder: string): string {
  const inside = relative(folder, path);
  return inside.startsWith("..") ? path : inside;
}

function configSection({ config }: Run): Section {
  return { title: "Config", content: [folded("The whole config", [preformatted(stringify(config))])] };
}
