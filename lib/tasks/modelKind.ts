import type { Config } from "../config/schema.js";
import type { Batch } from "../datasets/loader/batch.js";
import type { ModelDescription } from "./description.js";
import type { PredictionsKind } from "./predictions.js";
import type { Seen } from "./seen.js";
import type { DataSource, Split } from "./sources.js";
import type { Task } from "./task.js";

/**
 * Everything densekit knows about one task: the only place where tasks differ. All other code asks the kind of the
 * config.
 *
 * @typeParam C the task's configs; @typeParam B its batches; @typeParam Answer what its models predict for an image
 */
export interface ModelKind<C extends Config = Config, B extends Batch = Batch, Answer = unknown> {
  readonly task: C["task"];
  /** The model as people call it. */
  readonly title: string;
  /** The data set of a split. @param classes those of a model or of another split; default the config's */
  source(config: C, split: Split, classes?: readonly string[]): DataSource | Promise<DataSource>;
  /**
   * The model of a config, and its data.
   *
   * @param given the description of an existing model; without it, the config and a data set describe the model
   * @param teller the split of that data set; default train
   */
  open(config: C, given?: ModelDescription, teller?: Split): Promise<Task<B, Answer>>;
  /**
   * The description of a config's model without a data set: its classes are those that the config names.
   *
   * @param classes the number of classes; default the config's, or that of the data set that such models are published
   *   on
   */
  assume(config: C, classes?: number): ModelDescription;
  /** An answer in the form `model.predict` gives it, with what was asked for alone. */
  found(answer: Answer, seen: Seen): unknown;
  /** What `predict` writes. */
  readonly predictions: PredictionsKind<C, Answer>;
  /** The files that a stored evaluation must have to be reported. */
  evaluationFiles(metrics: Readonly<Record<string, number>>): readonly string[];
}
