import type { SizedTensors } from "../../engines/modelFile.js";
import { readClassScores } from "../../models/classifier/predictor.js";
import type { InferenceBatch } from "../../models/predictions.js";
import { type Comparison, outputsComparison } from "../comparison.js";

/** Compares logits, or probabilities if the file outputs those. */
export function classificationComparison(): Comparison {
  const comparison = outputsComparison();
  return {
    add(batch, native, file) {
      const reference = file.probabilities === undefined ? native : withProbabilities(native, batch);
      comparison.add(batch, reference, file);
    },
    result: comparison.result,
  };
}

function withProbabilities({ logits }: SizedTensors, batch: InferenceBatch): SizedTensors {
  const { shape } = logits!;
  const data = new Float32Array(logits!.data.length);
  for (const [i, row] of readClassScores({ logits: logits! }, batch).entries()) data.set(row, i * row.length);
  return { probabilities: { dtype: "float32", shape, data } };
}
