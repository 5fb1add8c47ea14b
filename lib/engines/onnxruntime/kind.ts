import { z } from "zod";
import { count } from "../../schemas/fields.js";
import { engineKind, once } from "../kind.js";
import { PROVIDERS } from "./providers.js";

/** ONNX models in onnxruntime-node. */
export const onnxRuntime = engineKind({
  name: "onnxruntime",
  keys: {
    providers: z
      .array(z.enum(PROVIDERS))
      .min(1)
      .refine(once, "a provider occurs twice")
      .default(["cpu"])
      .describe(
        "Execution providers, in order of preference. webgpu: tested on a software adapter only; cuda, coreml, dml: untested",
      ),
    threads: count("Threads of the CPU provider; 0: one per core", 0, 1024).default(0),
  },
  capabilities: { training: true, precisions: ["float32"], dynamicShapes: false },
  open: async ({ providers, threads }) => (await import("./engine.js")).onnxRuntimeEngine({ providers, threads }),
  examine: async () => (await import("./examine.js")).examineOnnxRuntime(),
});
