import { UserError } from "../errors.js";
import type { Rle } from "../masks/types.js";
import type { LabelMap } from "../pixels/image.js";
import { addTo } from "../schemas/kinds.js";

/** The objects of an image; coordinates are pixels of the image. */
export interface JudgedObjects {
  /** [n, 4] x1 y1 x2 y2 */
  readonly boxes: Float32Array;
  /** [n] class index */
  readonly labels: Int32Array;
}

export interface FoundObjects extends JudgedObjects {
  /** [n] 0 … 1, the best first. */
  readonly scores: Float32Array;
  /** [n] of the image's size; absent where the model has no masks. */
  readonly masks?: readonly Rle[];
}

/** What is predicted for an image and what is annotated, by task. */
export interface Judged {
  readonly detection: { readonly found: FoundObjects; readonly truth: JudgedObjects & { readonly crowd: Uint8Array } };
  /** Class indices, 255 where there is none. */
  readonly segmentation: { readonly found: LabelMap; readonly truth: LabelMap };
  /** A probability for each class, and the class index. */
  readonly classification: { readonly found: Float32Array; readonly truth: number };
}

/** One evaluation of a validation set. */
export interface MetricRun<Image> {
  add(image: Image & { readonly file: string }): void;
  /** Of all images; NaN if it is undefined. */
  value(): number;
}

/** A metric that validation computes besides the task's own. */
export interface MetricKind<Task extends keyof Judged = keyof Judged> {
  readonly task: Task;
  /** As it is logged, and as `training.checkpoint.best` names it; lower is better if it ends in "loss", else higher. */
  readonly name: string;
  /** Begins an evaluation. @param classes names in order of their index */
  start(classes: readonly string[]): MetricRun<Judged[Task]>;
}

const added: MetricKind[] = [];

/** Those registered for a task. */
export const registeredMetrics = <Task extends keyof Judged>(task: Task): readonly MetricKind<Task>[] =>
  added.filter((metric) => metric.task === task) as unknown as MetricKind<Task>[];

/** Adds a metric to every validation of a task. @returns a function that removes it again @throws UserError when the name is taken */
export function registerMetric<Task extends keyof Judged>(metric: MetricKind<Task>): () => void {
  if (registeredMetrics(metric.task).some(({ name }) => name === metric.name)) {
    throw new UserError(`there is a metric of the name "${metric.name}" already; choose another name`);
  }
  return addTo(added, metric as unknown as MetricKind);
}
