import { z } from "zod";
import { engineKind, once } from "../kind.js";
import { BACKENDS } from "./backendNames.js";

/** TensorFlow graphs in TF.js. */
export const tfjs = engineKind({
  name: "tfjs",
  keys: {
    backends: z
      .array(z.enum(BACKENDS))
      .min(1)
      .refine(once, "a backend occurs twice")
      .default([...BACKENDS])
      .describe("The first of these that this machine has is used; webgpu is untested"),
  },
  capabilities: { training: true, precisions: ["float32"], dynamicShapes: false },
  open: async ({ backends }) => (await import("./engine.js")).tfjsEngine({ backends }),
  examine: async () => (await import("./examine.js")).examineTfjs(),
});
