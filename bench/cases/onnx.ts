import { InferenceSession, Tensor } from "onnxruntime-node";
import { checksum, normalisedImages, rms } from "../inputs.js";
import type { Prepare } from "../protocol.js";

/** PyTorch's exported file in onnxruntime-node, without our code: our own graph must not be slower. */
export const prepare: Prepare = async ({ path, size, batch, threads }) => {
  const session = await InferenceSession.create(path, { intraOpNumThreads: threads, graphOptimizationLevel: "all" });
  const input = normalisedImages(batch, size);
  const feeds = { [session.inputNames[0]!]: new Tensor("float32", input, [batch, 3, ...size]) };
  let output: ArrayLike<number> = [];
  return {
    async run() {
      const results = await session.run(feeds);
      const { data } = results[session.outputNames.at(-1)!]!;
      if (data instanceof Float32Array) output = data;
      else if (data instanceof BigInt64Array) output = Array.from(data, Number); // a label map
    },
    dispose: () => session.release(),
    checksum: checksum(input),
    check: () => rms(output),
  };
};
