import { Cache } from "../engines/cache.js";
import type { Engine, Program, Tensors } from "../engines/engine.js";
import { compileForInference } from "../engines/inference.js";
import type { SizedTensors } from "../engines/modelFile.js";
import { input, type Value } from "../graph/index.js";
import { Context } from "../nn/context.js";
import type { ParameterValues } from "../nn/parameters.js";
import { inputsOf } from "./bindings.js";
import type { BatchPredictor, InferenceBatch } from "./predictions.js";

/** What a predictor runs on, and with which parameters. */
export interface PredictorOptions {
  readonly values: ParameterValues;
  readonly engine: Engine;
  /**
   * True: the parameters are built into the programs, which is fastest; later changes to them have no effect. False:
   * every run uses the current parameters, as needed during training.
   */
  readonly folded: boolean;
}

/** How a model's graph is made, and its outputs are read. */
export interface ModelPrograms<Answer> {
  /** Shapes of batches whose programs are kept, the least recently used released. */
  readonly kept: number;
  /** Records the graph for images [B, 3, H, W]. */
  record(images: Value, context: Context): Readonly<Record<string, Value>>;
  /** The inputs besides the images. */
  inputs?(batch: InferenceBatch): Tensors;
  /** Reads one answer per image from the graph's outputs. */
  read(outputs: SizedTensors, batch: InferenceBatch): readonly Answer[];
}

/** Predicts with a model's own graph: one program for each batch shape. */
export function programPredictor<Answer>(
  { kept, record, inputs, read }: ModelPrograms<Answer>,
  { values, engine, folded }: PredictorOptions,
): BatchPredictor<Answer> {
  const programs = new Cache<Program>(kept);
  const compile = async (batch: number, height: number, width: number): Promise<Program> => {
    const context = folded ? Context.inference(values) : Context.evaluation();
    const outputs = record(input("images", [batch, 3, height, width]), context);
    // During training the step's programs hold memory of their own.
    return folded ? compileForInference(engine, outputs) : engine.compile(outputs, { keepMemory: false });
  };
  return {
    async predict(batch) {
      const { images, height, width, meta } = batch;
      const outputs = await programs.use(
        `${meta.length}x${height}x${width}`,
        () => compile(meta.length, height, width),
        async (program) =>
          withShapes(program, await program.run(inputsOf(program, values, { images, ...inputs?.(batch) }))),
      );
      return read(outputs, batch);
    },
    dispose: () => programs.dispose(),
  };
}

/** A run's outputs with the shapes that the program declares. */
export function withShapes({ outputs }: Program, tensors: Tensors): SizedTensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, data]) => [name, { ...outputs[name]!, data }]));
}
