import type { Backbone } from "../backbones/backbone.js";
import type { Loader } from "../datasets/loader/loader.js";
import type { Batch } from "../datasets/loader/types.js";
import type { Engine } from "../engines/engine.js";
import type { Losses, Trainer, TrainerOptions } from "../models/model.js";
import type { Parameter, ParameterValues } from "../nn/parameters.js";
import type { ModelDescription } from "./description.js";

/** A model of one kind with its data: all that training and evaluation need to know of it. */
export interface Task<B extends Batch> {
  readonly description: ModelDescription;
  readonly parameters: readonly Parameter[];
  readonly backbone: Backbone;
  trainer(options: TrainerOptions): Trainer<B>;
  /** Opens the training set. @throws UserError when it cannot be read */
  trainingData(): Promise<TrainingData<B>>;
  /** Opens the validation set. @throws UserError when it cannot be read */
  validation(options: ValidationOptions): Promise<Validation<B>>;
}

export interface TrainingData<B extends Batch> {
  readonly loader: Loader<B>;
  /** What was mended or left out in reading, for the user. */
  readonly remarks: readonly string[];
}

export interface ValidationOptions {
  readonly values: ParameterValues;
  readonly engine: Engine;
  /** True where the parameters stay as they are: they are built into the programs. */
  readonly folded: boolean;
}

export interface EvaluationRun<B extends Batch> {
  /** The losses of a batch, where they are wanted. */
  readonly losses?: (batch: B, index: number) => Promise<Losses>;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number) => void;
}

/** A validation set with a predictor, to be measured as often as one likes. */
export interface Validation<B extends Batch> {
  /** What is judged otherwise than one might think, for the user. */
  readonly remarks: readonly string[];
  /** @throws the signal's reason when aborted */
  evaluate(run: EvaluationRun<B>): Promise<Evaluation>;
  dispose(): Promise<void>;
}

export interface Evaluation {
  /** The task's figures, 0 … 1, by name; with `loss` and its parts where losses were wanted. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The figures in the form customary in the field, where there is one. */
  readonly summary?: string;
  readonly perClass: readonly ClassMetrics[];
  /** Further result files: name → JSON value. */
  readonly files: Readonly<Record<string, unknown>>;
}

/** Figures of one class; null where undefined, such as that of a class without pixels. */
export interface ClassMetrics {
  readonly name: string;
  readonly metrics: Readonly<Record<string, number | null>>;
}
