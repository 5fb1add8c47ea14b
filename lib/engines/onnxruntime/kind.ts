import { z } from "zod";
import { input, mul, scalar } from "../../graph/index.js";
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
  async open({ providers, threads }) {
    const { onnxRuntimeEngine } = await import("./engine.js");
    const engine = onnxRuntimeEngine({ providers, threads });
    // That a provider is offered says nothing of its driver: it is told here, before a run's folder or an image is touched.
    if (providers.some((provider) => provider !== "cpu")) {
      await (await engine.compile({ y: mul(input("x", [1]), scalar(2)) })).dispose();
    }
    return engine;
  },
  examine: async () => (await import("./examine.js")).examineOnnxRuntime(),
});
