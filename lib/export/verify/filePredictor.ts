import type { ModelFile, SizedTensors } from "../../engines/modelFile.js";
import { sizeOf, type TensorData } from "../../graph/index.js";
import type { BatchPredictor, InferenceBatch } from "../../models/predictions.js";
import type { Normalisation } from "../../pixels/normalise.js";
import type { Task } from "../../tasks/task.js";
import type { ExportSettings } from "../settings.js";
import { inputsFor, runFile } from "./run.js";

/** Predicts with an exported file instead of the model's own graph. The caller still owns the file. */
export function filePredictor(
  file: ModelFile,
  settings: ExportSettings,
  normalisation: Normalisation,
  { read }: Pick<Task, "read">,
): BatchPredictor<unknown> {
  return {
    async predict(batch) {
      const outputs = await runFile(file, inputsFor(filledUp(batch, settings.batch), settings, normalisation));
      return read(firstOf(outputs, batch.meta.length), batch);
    },
    dispose: async () => undefined,
  };
}

/** Repeats the last image until a file with a fixed batch size has enough. */
function filledUp(given: InferenceBatch, batch: ExportSettings["batch"]): InferenceBatch {
  const missing = batch === "free" ? 0 : batch - given.meta.length;
  if (missing <= 0) return given;
  const last = given.images.slice(-given.images.length / given.meta.length);
  const images = new Float32Array(given.images.length + missing * last.length);
  images.set(given.images);
  for (let i = 0; i < missing; i++) images.set(last, given.images.length + i * last.length);
  return {
    ...given,
    images,
    meta: [...given.meta, ...Array.from({ length: missing }, () => given.meta.at(-1)!)],
  };
}

/** The outputs without those of the repeated images. */
function firstOf(outputs: SizedTensors, batch: number): SizedTensors {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { dtype, shape, data }]) => {
      const own = [batch, ...shape.slice(1)];
      return [name, { dtype, shape: own, data: data.subarray(0, sizeOf(own)) as TensorData }];
    }),
  );
}
