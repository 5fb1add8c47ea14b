import type { Config } from "../config/schema.js";
import type { Batch } from "../datasets/loader/types.js";
import type { ModelDescription } from "./description.js";
import type { PredictionsKind } from "./predictions.js";
import type { DataSource, Split } from "./sources.js";
import type { Task } from "./task.js";

/**
 * What densekit knows of one task: the only place where tasks differ. All else asks the kind of the config.
 *
 * @typeParam C the task's configs; @typeParam B its batches; @typeParam Answer what its models say of an image
 */
export interface ModelKind<C extends Config = Config, B extends Batch = Batch, Answer = unknown> {
  readonly task: C["task"];
  /** The model as people call it. */
  readonly title: string;
  /** The data set of a split. @param classes those of a model or of another split; default the config's */
  source(config: C, split: Split, classes?: readonly string[]): DataSource;
  /**
   * The model of a config, and its data.
   *
   * @param given of a model there is already; without it, the config and a data set tell
   * @param teller which data set, if the config alone does not say it; default train
   */
  open(config: C, given?: ModelDescription, teller?: Split): Promise<Task<B, Answer>>;
  /**
   * What a config's model is without a data set to tell: its classes are those the config names.
   *
   * @param classes how many there are else; default as many as the data set has that such models are published on
   */
  assume(config: C, classes?: number): ModelDescription;
  /** An answer in the form `model.predict` gives it. */
  found(answer: Answer, classes: readonly string[]): unknown;
  /** What `predict` writes. */
  readonly predictions: PredictionsKind<C, Answer>;
  /** The files without which a stored evaluation tells too little. */
  evaluationFiles(metrics: Readonly<Record<string, number>>): readonly string[];
}
