import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import type { Segmenter } from "../../lib/models/predictions.js";
import { semanticFpn } from "../../lib/models/semanticFpn/model.js";
import { segmenter } from "../../lib/models/semanticFpn/segmenter.js";
import { benchValues, semanticModel } from "./models.js";

/** Semantic FPN with ADE20K's 150 classes and the benchmark's weights. */
export function benchSegmenter(variant: string, threads: number): Segmenter {
  const model = semanticFpn(semanticModel(variant), 150);
  const values = benchValues(model.parameters);
  return segmenter({ model, values, engine: onnxRuntimeEngine({ threads }), folded: true });
}
