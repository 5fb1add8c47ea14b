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
        "Of onnxruntime: what runs the programs, in order of preference. webgpu: tried on a software adapter alone; cuda, coreml, dml: not tried",
      ),
    threads: count("Of onnxruntime: threads of the CPU provider; 0: one a core", 0, 1024).default(0),
  },
  capabilities: { training: true, precisions: ["float32"], dynamicShapes: false },
  open: async ({ providers, threads }) => (await import("./engine.js")).onnxRuntimeEngine({ providers, threads }),
  examine: async () => (await import("./examine.js")).examineOnnxRuntime(),
});
