import { UserError } from "../errors.js";
import { readSafetensors } from "../formats/safetensors.js";
import { elementCount, type Tensor, toFloat32 } from "../formats/tensor.js";
import type { ParameterValues } from "../nn/parameters.js";

const PREFIX = "backbone.";

/**
 * Fills the backbone from a file of official weights, whose names stand with or without "backbone." in front. What the
 * file lacks keeps its random start; what the backbone has no place for, such as a classifier's head, is left out.
 *
 * @returns a sentence on what was loaded
 * @throws UserError when the file cannot be read or nothing in it fits
 */
export async function loadBackbone(path: string, values: ParameterValues): Promise<string> {
  const { tensors } = await readSafetensors(path);
  const given = new Map<string, Tensor>();
  for (const [name, tensor] of tensors) given.set(name.startsWith(PREFIX) ? name : PREFIX + name, tensor);
  const wanted = values.parameters.filter(({ name }) => name.startsWith(PREFIX));
  const missing: string[] = [];
  for (const { name, shape } of wanted) {
    const tensor = given.get(name);
    if (tensor === undefined || String(tensor.shape) !== String(shape)) missing.push(name);
    else values.view(name).set(toFloat32(tensor));
    if (tensor !== undefined && elementCount(tensor.shape) > 0) given.delete(name);
  }
  const loaded = wanted.length - missing.length;
  if (loaded === 0) {
    throw new UserError(
      `${path}: none of its ${tensors.size} tensors fits the backbone (it holds ${examples([...tensors.keys()])}; ` +
        `wanted are ${examples(wanted.map(({ name }) => name.slice(PREFIX.length)))}); ` +
        "give the weights of this backbone in model.backbone.weights, or set it to null for a random start",
    );
  }
  const parts = [`backbone: loaded ${loaded} of ${wanted.length} tensors from ${path}`];
  if (missing.length > 0) parts.push(`${missing.length} missing (${examples(missing)})`);
  if (given.size > 0) parts.push(`${given.size} not used (${examples([...given.keys()])})`);
  return parts.join("; ");
}

function examples(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown}, …` : shown;
}
