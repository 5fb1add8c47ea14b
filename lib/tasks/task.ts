import type { Backbone } from "../backbones/backbone.js";
import type { Batch } from "../datasets/loader/batch.js";
import type { Loader } from "../datasets/loader/loader.js";
import type { SizedTensors } from "../engines/modelFile.js";
import type { Value } from "../graph/index.js";
import type { Losses, Trainer, TrainerOptions } from "../models/model.js";
import type { BatchPredictor, InferenceBatch } from "../models/predictions.js";
import type { PredictorOptions } from "../models/programPredictor.js";
import type { Context } from "../nn/context.js";
import type { Parameter } from "../nn/parameters.js";
import type { Comparison } from "./comparison.js";
import type { ModelDescription } from "./description.js";

/** A model of one kind with its data: everything that training, evaluation and export need to know about it. */
export interface Task<B extends Batch = Batch, Answer = unknown> {
  readonly description: ModelDescription;
  readonly parameters: readonly Parameter[];
  readonly backbone: Pick<Backbone, "stages"> & Partial<Pick<Backbone, "multiple">>;
  readonly graphs: ModelGraphs;
  /** @throws RangeError when the task was opened without the training set and training needs to know more about that */
  trainer(options: TrainerOptions): Trainer<B>;
  predictor(options: PredictorOptions): BatchPredictor<Answer>;
  /** Answers from the outputs of `graphs.model`, however they were computed. */
  read(outputs: SizedTensors, batch: InferenceBatch): readonly Answer[];
  /**
   * Compares outputs of `graphs.model`, with or without `postprocess`.
   *
   * @param tolerance the largest difference allowed
   */
  comparison(tolerance: number): Comparison;
  /** Opens the training set. @throws UserError when it cannot be read */
  trainingData(): Promise<TrainingData<B>>;
  /** Opens the validation set. @param predictor is disposed of with the validation @throws UserError when it cannot be read */
  validation(predictor: BatchPredictor<Answer>): Promise<Validation<B>>;
}

/** A model as functions that record its graph. */
export interface ModelGraphs {
  /** @returns the backbone's maps by name (`c2` has stride 2² = 4); absent if the model gives no maps */
  backbone?(images: Value, context: Context): Outputs;
  /** @returns the pyramid's maps by name, `p2` and on; absent where there is no pyramid */
  neck?(images: Value, context: Context): Outputs;
  model(inputs: GraphInputs, context: Context): Outputs;
  /** The outputs of `model` as final results, in the pixels of the network's input. */
  postprocess(outputs: Outputs, inputs: GraphInputs): Outputs;
}

export type Outputs = Readonly<Record<string, Value>>;

export interface GraphInputs {
  /** [B, 3, H, W] normalised */
  readonly images: Value;
  /** [B, 4] width, height, width, height of each image without padding */
  readonly sizes: Value;
  /** [B, 4] x, y, x, y: pixels of the network's input per pixel of the original image */
  readonly scales: Value;
}

export interface TrainingData<B extends Batch> {
  readonly loader: Loader<B>;
  /** Of images that `loader` has not, where some are held out for the choices of a supernet. */
  readonly heldOut?: Loader<B>;
  /** What was corrected or left out while reading, for the user. */
  readonly remarks: readonly string[];
}

export interface EvaluationRun<B extends Batch> {
  /** Computes the losses of a batch, if they are wanted. */
  losses?(batch: B, index: number): Promise<Losses>;
  readonly signal?: AbortSignal | undefined;
  /** So many bytes of prepared images stay in memory for the next evaluation; default none. */
  readonly keptBytes?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** A validation set with a predictor, which can be evaluated any number of times. */
export interface Validation<B extends Batch> {
  /** What is judged differently from what a user might expect. */
  readonly remarks: readonly string[];
  /** @throws the signal's reason when aborted */
  evaluate(run: EvaluationRun<B>): Promise<Evaluation>;
  dispose(): Promise<void>;
}

export interface Evaluation {
  /** The task's metrics, 0 … 1, by name; with `loss` and its parts if losses were computed. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The metrics in the field's usual format, if there is one. */
  readonly summary?: string;
  readonly perClass: readonly ClassMetrics[];
  /** Further result files: name → JSON value. */
  readonly files: Readonly<Record<string, unknown>>;
}

/** Metrics of one class; null where undefined, as for a class without pixels. */
export interface ClassMetrics {
  readonly name: string;
  readonly metrics: Readonly<Record<string, number | null>>;
}
