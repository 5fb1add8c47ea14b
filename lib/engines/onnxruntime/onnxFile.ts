import * as ort from "onnxruntime-node";
import { readOnnx } from "../../compilers/onnx/read.js";
import { UserError } from "../../errors.js";
import { readBytes } from "../../files.js";
import type { DType, TensorData } from "../../graph/index.js";
import type { ModelFile, SizedTensor, SizedTensors } from "../modelFile.js";

export interface OnnxFileOptions {
  /** Threads inside one operator; 0: one per core. */
  readonly threads?: number;
}

/**
 * Opens an ONNX model with onnxruntime on the CPU.
 *
 * @throws UserError when it cannot be read, or onnxruntime refuses it
 */
export async function openOnnxFile(path: string, { threads = 0 }: OnnxFileOptions = {}): Promise<ModelFile> {
  const bytes = await readBytes(path);
  const { metadata, inputs, outputs } = readOnnx(bytes, path);
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: threads, logSeverityLevel: 4 }).catch(
    (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new UserError(`${path}: onnxruntime cannot load this model: ${reason}`);
    },
  );
  return {
    metadata,
    inputs,
    outputs,
    async run(given: SizedTensors): Promise<SizedTensors> {
      const feeds = Object.fromEntries(
        Object.entries(given).map(([name, { dtype, data, shape }]) => [name, new ort.Tensor(dtype, data, shape)]),
      );
      const results = await session.run(feeds);
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, sized(tensor)]));
    },
    dispose: () => session.release(),
  };
}

function sized({ type, dims, data }: ort.Tensor): SizedTensor {
  return { dtype: type as DType, shape: dims, data: data as TensorData };
}
