import { encodeModel, valueInfo } from "../../../lib/compilers/onnx/proto.js";
import { readOnnx } from "../../../lib/compilers/onnx/read.js";
import { mutate } from "../mutate.js";
import type { FuzzTarget } from "../target.js";

export const target: FuzzTarget = {
  about: "ONNX files, damaged: their metadata",
  open() {
    const seed = encodeModel({
      irVersion: 8,
      producerName: "densekit",
      producerVersion: "0.1.0",
      opsetImport: [{ domain: "", version: 17 }],
      metadataProps: [{ key: "task", value: "detection" }],
      graph: {
        name: "graph",
        node: [{ name: "a", opType: "Relu", domain: "", input: ["x"], output: ["y"], attribute: [] }],
        initializer: [],
        input: [valueInfo("x", "float32", [1, "height", undefined])],
        output: [valueInfo("y", "float32", [1, 3])],
      },
    });
    return {
      make: (random) => mutate(seed, random),
      attempt: (input) => void readOnnx(input, "fuzzed.onnx"),
    };
  },
};
