import type { Engine } from "../../lib/engines/engine.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import type { NormMode } from "../../lib/nn/context.js";
import type { CaseOptions } from "../protocol.js";

/** A training step's engine options and batch norm mode with all speed-ups but the one left off. */
export function trainingSetup({ threads, without }: Pick<CaseOptions, "threads" | "without">): {
  readonly engine: Engine;
  readonly normMode: () => NormMode;
} {
  const engine = onnxRuntimeEngine({
    threads,
    ...(without === "minimal filtering" ? { winograd: false } : {}),
    ...(without === "row blocks" ? { fuse: false } : {}),
    ...(without === "uncopied outputs" ? { uncopied: false } : {}),
  });
  return { engine, normMode: () => (without === "covariance batch norm" ? "batchAlone" : "batch") };
}
