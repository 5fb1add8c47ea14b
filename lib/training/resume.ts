import { differingPaths } from "../config/differences.js";
import type { Config } from "../config/schema.js";
import type { ParameterValues } from "../nn/parameters.js";
import type { Optimizer } from "../optimizers/optimizer.js";
import { type Checkpoint, checkFit } from "../runs/checkpoint.js";
import type { Tensor } from "../tensors/tensor.js";
import type { WeightAverage } from "./ema.js";

/**
 * Restores a checkpoint's numbers. An average that it does not have begins with its weights.
 *
 * @throws UserError when they are those of another model or optimiser
 */
export function restore(
  folder: string,
  checkpoint: Checkpoint,
  {
    values,
    optimizer,
    average,
  }: { values: ParameterValues; optimizer: Optimizer; average?: WeightAverage | undefined },
): void {
  fill(values, checkpoint.model, `${folder}/model.safetensors`);
  const state = Object.entries(optimizer.state);
  checkFit(
    `${folder}/optimizer.safetensors`,
    state.map(([name, { length }]) => [name, { shape: [length] }] as const),
    checkpoint.optimizer,
  );
  if (average !== undefined) {
    if (checkpoint.average === undefined) average.begin();
    else fill(average.values, checkpoint.average, `${folder}/ema.safetensors`);
  }
  for (const [name, array] of state) array.set(checkpoint.optimizer.get(name)!.data as Float32Array);
}

function fill(values: ParameterValues, tensors: ReadonlyMap<string, Tensor>, path: string): void {
  checkFit(
    path,
    values.parameters.map((parameter) => [parameter.name, parameter] as const),
    tensors,
  );
  for (const [name, { data }] of tensors) values.view(name).set(data as Float32Array);
}

/** The paths at which two configs differ, such as `training.seed`; except where the run is kept and logged. */
export function configDifferences(before: Config, now: Config): string[] {
  const ignored = ["output", "training.logEvery", "training.loggers", "data.workers", "data.prefetch"];
  return differingPaths(before, now).filter((path) => !ignored.includes(path));
}
