import type { ParameterValues } from "../nn/parameters.js";
import type { Tensor } from "../tensors/tensor.js";

/** The model's tensors by name, as views. */
export function* modelTensors(values: ParameterValues): Generator<[name: string, tensor: Tensor]> {
  for (const { name, shape } of values.parameters) yield [name, { dtype: "F32", shape, data: values.view(name) }];
}
