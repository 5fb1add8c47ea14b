import type { Config } from "../config/schema.js";
import { checkDescription, openWeights } from "../inference/weights.js";
import type { ParameterValues } from "../nn/parameters.js";
import { kindOf } from "../tasks/kinds.js";
import type { Task } from "../tasks/task.js";

/** A trained model for recording graphs. */
export interface Network extends Pick<Task, "description" | "graphs"> {
  readonly values: ParameterValues;
  /** What both sides of its images must be multiples of. */
  readonly multiple?: number;
}

/** The same with its data and its weights file. */
export interface TrainedTask {
  readonly task: Task;
  readonly network: Network;
  readonly weights: string;
}

/**
 * The model of a config with trained weights.
 *
 * @throws UserError when the weights cannot be read or belong to another model
 */
export async function openNetwork(config: Config, weights: string): Promise<TrainedTask> {
  const file = await openWeights(weights);
  try {
    checkDescription(file, config);
    const task = await kindOf(config).open(config, file.description, "val");
    const { description, graphs, parameters, backbone } = task;
    const values = await file.read(parameters);
    const { multiple } = backbone;
    return {
      task,
      network: { description, graphs, values, ...(multiple !== undefined && { multiple }) },
      weights: file.path,
    };
  } finally {
    await file.close();
  }
}
