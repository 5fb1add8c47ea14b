import type { Backbone } from "../backbones/backbone.js";
import type { Loader } from "../datasets/loader/loader.js";
import type { Batch } from "../datasets/loader/types.js";
import type { SizedTensors } from "../engines/modelFile.js";
import type { Value } from "../graph/index.js";
import type { Losses, Trainer, TrainerOptions } from "../models/model.js";
import type { BatchPredictor, InferenceBatch } from "../models/predictions.js";
import type { PredictorOptions } from "../models/programPredictor.js";
import type { Context } from "../nn/context.js";
import type { Parameter } from "../nn/parameters.js";
import type { Comparison } from "./comparison.js";
import type { ModelDescription } from "./description.js";

/** A model of one kind with its data: all that training, evaluation and export need to know of it. */
export interface Task<B extends Batch = Batch, Answer = unknown> {
  readonly description: ModelDescription;
  readonly parameters: readonly Parameter[];
  readonly backbone: Pick<Backbone, "stages">;
  readonly graphs: ModelGraphs;
  /** @throws RangeError of a task that was opened for a model there is, where training needs to know more of the training set */
  trainer(options: TrainerOptions): Trainer<B>;
  predictor(options: PredictorOptions): BatchPredictor<Answer>;
  /** Answers from the outputs of `graphs.model`, however they were computed. */
  read(outputs: SizedTensors, batch: InferenceBatch): readonly Answer[];
  /** Compares outputs of `graphs.model`, post-processed or not. @param tolerance the largest difference allowed */
  comparison(tolerance: number): Comparison;
  /** Opens the training set. @throws UserError when it cannot be read */
  trainingData(): Promise<TrainingData<B>>;
  /** Opens the validation set. @param predictor is disposed of with the validation @throws UserError when it cannot be read */
  validation(predictor: BatchPredictor<Answer>): Promise<Validation<B>>;
}

/** A model as functions that record its graph. */
export interface ModelGraphs {
  /** @returns the backbone's maps by name (`c2` has stride 2² = 4); absent of a model that gives no maps */
  backbone?(images: Value, context: Context): Outputs;
  /** @returns the pyramid's maps by name, `p2` and on; absent where there is no pyramid */
  neck?(images: Value, context: Context): Outputs;
  model(inputs: GraphInputs, context: Context): Outputs;
  /** The outputs of `model` as what is wanted of them, in the pixels of the network's input. */
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
  /** What was mended or left out in reading, for the user. */
  readonly remarks: readonly string[];
}

export interface EvaluationRun<B extends Batch> {
  /** The losses of a batch, where they are wanted. */
  losses?(batch: B, index: number): Promise<Losses>;
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
