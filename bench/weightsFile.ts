import { semanticFpn } from "../lib/models/semanticFpn/model.js";
import { ParameterValues } from "../lib/nn/parameters.js";
import { writeTorchFile } from "../lib/tensorfiles/pytorch/write.js";
import { semanticModel } from "./cases/models.js";

const PRIME = 65_521;

/** The parameters of the benchmark's 340 MB file: Semantic FPN with EfficientFormer-L7. */
export const benchFileParameters = () => semanticFpn(semanticModel("l7"), 150).parameters;

/** Writes them as a `.pth`, with values that vary between elements. */
export async function writeBenchWeights(path: string): Promise<void> {
  const values = new ParameterValues(benchFileParameters());
  for (const flat of [values.flat, values.flatBuffers]) {
    for (let i = 0; i < flat.length; i++) flat[i] = (i % PRIME) / PRIME;
  }
  const tensors = values.parameters.map(({ name, shape }) => ({
    name,
    dtype: "F32" as const,
    shape,
    read: async () => ({ dtype: "F32" as const, shape, data: values.view(name) }),
  }));
  await writeTorchFile(path, tensors);
}
