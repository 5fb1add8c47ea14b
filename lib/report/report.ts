import { basename, join, relative, resolve } from "node:path";
import { stringify } from "yaml";
import { backboneTitle } from "../backbones/index.js";
import { UserError } from "../errors.js";
import { writeFileAtomic } from "../files.js";
import { evaluate } from "../inference/evaluate.js";
import { folded, type Html, keyFigures, note, preformatted, renderPage, type Section } from "../pages/index.js";
import { analyseDetections, type DetectionAnalysis } from "./detections.js";
import { detectionSections } from "./detectionsPage.js";
import { percent } from "./format.js";
import { analyseLabelMaps, type LabelMapAnalysis } from "./labelMaps.js";
import { labelMapSections } from "./labelMapsPage.js";
import { worstDetections, worstLabelMaps } from "./pictures.js";
import { openRun, type Run, type StoredEvaluation, storedEvaluation } from "./run.js";
import { trainingSection } from "./trainingPage.js";
import type { ReportedConfusion, ReportOptions, ReportResult } from "./types.js";

/**
 * Writes one HTML page on a run, with everything in it: figures by class, precision-recall curves, the costs of the kinds
 * of error, confusions, the worst pictures, and the curves of the training. What a run does not have is left out, and a
 * remark says so. Stored results of an evaluation are used; without any the best weights are evaluated first.
 *
 * @throws UserError when the folder is no run's, a file in it is damaged, or the validation set cannot be read; the
 *   signal's reason when aborted
 */
export async function report(options: ReportOptions): Promise<ReportResult> {
  checkOptions(options);
  const run = await openRun(options.run, options.overrides);
  const remarks: string[] = [];
  const stored = await findEvaluation(run, options, remarks);
  const found = stored === undefined ? undefined : await evaluationPart(stored, run, options, remarks);
  const training = run.history && (await trainingSection(run.history));
  if (training === undefined) remarks.push("There is no training log with steps, so there are no training curves.");
  const sections = [
    overview(run, stored, remarks),
    ...(found?.sections ?? []),
    ...(training === undefined ? [] : [training]),
    configSection(run),
  ];
  const file = resolve(options.out ?? join(run.folder, "report.html"));
  const subtitle = `${run.config.task === "segmentation" ? "Semantic FPN" : "Mask R-CNN"}, ${backboneTitle(run.config.model.backbone)}`;
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
    throw new UserError(`the number of worst pictures must be a whole number, not ${worst}`, 2);
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
    const reason = weights === undefined ? "the run has no weights yet" : "evaluating was not wanted";
    remarks.push(
      `There are no results of an evaluation of the newest weights, and ${reason}: figures and pictures are left out.`,
    );
    return undefined;
  }
  await evaluate({ config, weights, ...(signal && { signal }), ...(onEvent && { onEvent }) });
  return storedEvaluation(run, overrides);
}

interface EvaluationPart {
  readonly sections: readonly Section[];
  readonly result: Partial<ReportResult>;
}

async function evaluationPart(
  stored: StoredEvaluation,
  { weights }: Run,
  options: ReportOptions,
  remarks: string[],
): Promise<EvaluationPart> {
  const { config } = stored;
  if (config.task === "segmentation") {
    const analysis = await analyseLabelMaps(stored, config, options);
    if (weights === undefined) remarks.push("The weights are gone, so the worst pictures are not shown.");
    const drawn = weights === undefined ? [] : await worstLabelMaps(analysis, stored, weights, options);
    return {
      sections: [
        ...(await labelMapSections(analysis)),
        ...pictureSection(drawn, "mIoU over the classes annotated or found in them"),
      ],
      result: semanticResult(analysis),
    };
  }
  const analysis = await analyseDetections(stored, config, options);
  const drawn = await worstDetections(analysis, stored, options);
  const measure = `F1 of their ${analysis.main.type === "bbox" ? "boxes" : "masks"} from score ${analysis.chosen.score.toFixed(2)} on`;
  return {
    sections: [...(await detectionSections(analysis)), ...pictureSection(drawn, measure)],
    result: detectionResult(analysis),
  };
}

function pictureSection(drawn: readonly Html[], measure: string): Section[] {
  if (drawn.length === 0) return [];
  return [{ title: "Worst pictures", text: `Those with the lowest ${measure}, the worst first.`, content: drawn }];
}

function semanticResult({ dataset, confusion, worst }: LabelMapAnalysis): Partial<ReportResult> {
  return {
    confusion: confusionRows(dataset.classes, confusion.counts),
    worst: worst.map(({ file, mIoU }) => ({ file, value: mIoU! })),
  };
}

function detectionResult({
  types,
  main,
  iouThreshold,
  chosen,
  confusion,
  worst,
  dataset,
}: DetectionAnalysis): Partial<ReportResult> {
  const files = new Map(dataset.pictures.map(({ id, file }) => [id, file]));
  const errors = types.map(({ type, errors }) => {
    const kinds = errors.errors.map(({ kind, count, deltaAp }) => ({ kind, count, deltaAp }));
    return [type, { ...errors, errors: kinds }] as const;
  });
  return {
    detection: { type: main.type, iouThreshold, operatingPoint: chosen, errors: Object.fromEntries(errors) },
    confusion: confusionRows([...main.groundTruth.categoryNames, "background"], confusion.counts),
    worst: worst.map(({ image, f1 }) => ({ file: files.get(main.groundTruth.imageIds[image]!) ?? "", value: f1 })),
  };
}

function confusionRows(classes: readonly string[], counts: Float64Array): ReportedConfusion {
  const n = classes.length;
  return { classes, counts: classes.map((_, row) => [...counts.subarray(row * n, (row + 1) * n)]) };
}

const SHOWN = ["boxAP", "boxAP50", "maskAP", "maskAP50", "mIoU", "mAcc", "aAcc"];

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

/** Relative where it lies within the run's folder. */
function shortened(path: string, folder: string): string {
  const inside = relative(folder, path);
  return inside.startsWith("..") ? path : inside;
}

function configSection({ config }: Run): Section {
  return { title: "Config", content: [folded("The whole config", [preformatted(stringify(config))])] };
}
