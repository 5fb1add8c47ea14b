import type { ModelFile, SizedTensor, SizedTensors } from "../../engines/modelFile.js";
import type { InferenceBatch } from "../../models/predictions.js";
import type { Normalisation } from "../../pixels/normalise.js";
import type { ExportSettings } from "../settings.js";

/** The inputs of an exported model for a batch. */
export function inputsFor(
  { images, height, width, meta }: InferenceBatch,
  { preprocess }: Pick<ExportSettings, "preprocess">,
  normalisation: Normalisation,
): SizedTensors {
  const batch = meta.length;
  const int = (data: readonly number[]): SizedTensor => ({
    dtype: "int32",
    shape: [batch, 2],
    data: Int32Array.from(data),
  });
  const pixels: SizedTensor = preprocess
    ? { dtype: "uint8", shape: [batch, height, width, 3], data: asBytes(images, batch, height * width, normalisation) }
    : { dtype: "float32", shape: [batch, 3, height, width], data: images };
  return {
    images: pixels,
    sizes: int(meta.flatMap((one) => [one.height, one.width])),
    original_sizes: int(meta.flatMap((one) => [one.originalHeight, one.originalWidth])),
  };
}

/** Runs the file with the inputs that it takes. */
export function runFile(file: ModelFile, inputs: SizedTensors): Promise<SizedTensors> {
  return file.run(Object.fromEntries(Object.entries(inputs).filter(([name]) => name in file.inputs)));
}

/** The bytes that normalised images were made from: [B, 3, H · W] → [B, H · W, 3]. */
function asBytes(images: Float32Array, batch: number, plane: number, { mean, std }: Normalisation): Uint8Array {
  const bytes = new Uint8Array(images.length);
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < 3; c++) {
      const start = (3 * b + c) * plane;
      for (let i = 0; i < plane; i++) {
        bytes[3 * (b * plane + i) + c] = Math.round(images[start + i]! * std[c]! + mean[c]!);
      }
    }
  }
  return bytes;
}
