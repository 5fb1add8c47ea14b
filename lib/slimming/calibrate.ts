import type { Batch } from "../datasets/loader/batch.js";
import { Cache } from "../engines/cache.js";
import type { Engine, Program } from "../engines/engine.js";
import { constant, input } from "../graph/index.js";
import { BUFFER, bufferOutputs, inputsOf } from "../models/bindings.js";
import { Context, type NormMode } from "../nn/context.js";
import type { ParameterValues } from "../nn/parameters.js";
import type { Task } from "../tasks/task.js";

/** Gives batch norms the statistics of the network that is evaluated. */
export interface Calibration {
  /** Replaces the running means and variances among the values by those of the calibration batches. */
  run(): Promise<void>;
  /** Releases the programs. */
  dispose(): Promise<void>;
}

export interface CalibrationOptions {
  readonly engine: Engine;
  /** The model's, read when `run` is called. */
  readonly values: ParameterValues;
  /** Whether a batch norm has statistics of its own; by the name of its scale parameter. */
  readonly normMode: (parameterName: string) => NormMode;
  /** Number of batches of the training set, the first ones of its first epoch. */
  readonly batches: number;
}

/** Number of batch shapes whose programs are kept. */
const PROGRAMS_KEPT = 4;

/**
 * Estimates the statistics of batch norms again, by the mean over a few batches: networks that share weights have different
 * statistics (Yu and Huang 2019, Universally slimmable networks, section 3.3).
 *
 * @throws UserError where the training set cannot be read
 */
export async function calibrationOf(task: Task, options: CalibrationOptions): Promise<Calibration> {
  const { engine, values, normMode } = options;
  const batches = await firstBatches(task, options.batches);
  const programs = new Cache<Program>(PROGRAMS_KEPT);
  const compile = (count: number, height: number, width: number): Promise<Program> => {
    const context = Context.calibration(normMode);
    const sizes = constant(new Float32Array(count * 4).fill(1), [count, 4]);
    task.graphs.model({ images: input("images", [count, 3, height, width]), sizes, scales: sizes }, context);
    return engine.compile(bufferOutputs(context.updates));
  };
  return {
    async run() {
      const sums = new Map<string, Float64Array>();
      for (const { images, height, width } of batches) {
        const count = images.length / (3 * height * width);
        const program = await programs.get(`${count}x${height}x${width}`, () => compile(count, height, width));
        const outputs = await program.run(inputsOf(program, values, { images }));
        for (const [name, found] of Object.entries(outputs)) {
          const sum = sums.get(name) ?? new Float64Array(found.length);
          for (const [i, value] of found.entries()) sum[i]! += value;
          sums.set(name, sum);
        }
      }
      for (const [name, sum] of sums)
        values.view(name.slice(BUFFER.length)).set(sum.map((value) => value / batches.length));
    },
    dispose: () => programs.dispose(),
  };
}

interface Images extends Pick<Batch, "images" | "height" | "width"> {}

/** Fewer where an epoch has fewer. */
async function firstBatches(task: Task, most: number): Promise<Images[]> {
  const { loader, heldOut } = await task.trainingData();
  try {
    const found: Images[] = [];
    for await (const { images, height, width } of loader.batches({ stopAt: Math.min(most, loader.batchesPerEpoch) })) {
      found.push({ images: images.slice(), height, width });
    }
    return found;
  } finally {
    await loader.dispose();
    await heldOut?.dispose();
  }
}
