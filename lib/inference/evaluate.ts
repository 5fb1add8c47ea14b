import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { requireOptions } from "../arguments.js";
import type { Config } from "../config/schema.js";
import { openEngine } from "../engines/index.js";
import { writeFileAtomic } from "../files.js";
import type { ProgressEvent } from "../progress.js";
import { kindOf } from "../tasks/kinds.js";
import type { ClassMetrics, Evaluation, Task } from "../tasks/task.js";
import { evaluationFolder } from "./evaluationFolder.js";
import { checkDescription, openWeights, type Weights } from "./weights.js";

/** The model that `evaluate` measures, and where its metrics go. */
export interface EvaluateOptions {
  readonly config: Config;
  /** A weights file, a checkpoint's folder, or a run's folder (its best weights). */
  readonly weights: string;
  /**
   * The folder to write into; default `evaluation` of the config's output folder. It must be given if that folder has a
   * run with other weights, another validation set or other settings that decide metrics.
   */
  readonly output?: string;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

/** What `evaluate` measured. */
export interface EvaluateResult {
  /** Average precisions and recalls of boxes and masks (−1 = undefined), or mIoU, mAcc and aAcc; 0 … 1. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly perClass: readonly ClassMetrics[];
  /** The weights file measured. */
  readonly weights: string;
  /** The folder the files are in. */
  readonly output: string;
  /** The files written. */
  readonly files: readonly string[];
}

/**
 * Measures a model on the validation set of a config. Metrics and config are written into a folder (see
 * `EvaluateOptions.output`), with the results in COCO's format for detection, and the confusion matrix and each image's
 * metrics for segmentation.
 *
 * @throws UserError when data or weights cannot be read or do not fit the config, or a run's own metrics would be
 *   overwritten; the signal's reason when aborted
 */
export async function evaluate(options: EvaluateOptions): Promise<EvaluateResult> {
  requireOptions("evaluate", options, { config: "config" });
  const { config } = options;
  const weights = await openWeights(options.weights);
  try {
    checkDescription(weights, config);
    const task = await kindOf(config).open(config, weights.description, "val");
    return await evaluateTask(task, weights, options);
  } finally {
    await weights.close();
  }
}

async function evaluateTask(
  task: Task,
  weights: Weights,
  { config, output: asked, signal, onEvent }: EvaluateOptions,
): Promise<EvaluateResult> {
  const values = await weights.read(task.parameters);
  const output = await evaluationFolder({ config, weights: weights.path, output: asked }); // of weights known to fit
  const engine = await openEngine(config.engine);
  const validation = await task.validation(task.predictor({ values, engine, folded: true }));
  try {
    for (const text of [...weights.remarks, ...validation.remarks]) onEvent?.({ type: "message", text });
    const onProgress = (done: number, total: number) =>
      onEvent?.({ type: "progress", what: "evaluating", done, total });
    const evaluation = await validation.evaluate({ signal, onProgress });
    if (evaluation.summary !== undefined) onEvent?.({ type: "message", text: evaluation.summary });
    const files = await writeResults(output, config, evaluation, weights.path);
    return { metrics: evaluation.metrics, perClass: evaluation.perClass, weights: weights.path, output, files };
  } finally {
    await validation.dispose();
  }
}

async function writeResults(
  folder: string,
  config: Config,
  { metrics, perClass, summary, files }: Evaluation,
  weights: string,
): Promise<string[]> {
  const all = { "metrics.json": { weights: resolve(weights), metrics, perClass }, ...files };
  const written: string[] = [];
  for (const [name, content] of Object.entries(all)) {
    written.push(join(folder, name));
    await writeFileAtomic(join(folder, name), `${JSON.stringify(content)}\n`);
  }
  const texts = { "config.yaml": stringify(config), ...(summary !== undefined && { "summary.txt": `${summary}\n` }) };
  for (const [name, text] of Object.entries(texts)) {
    written.push(join(folder, name));
    await writeFileAtomic(join(folder, name), text);
  }
  return written;
}
