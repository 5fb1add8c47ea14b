import { adaptersOf, type BackboneConfig } from "../backbones/index.js";
import type { ParameterValues } from "../nn/parameters.js";
import { openTensorFile } from "../tensorfiles/open.js";
import { fillFrom } from "../weights/load.js";
import { planLoad } from "../weights/plan.js";
import { describePlan, requireSome } from "../weights/report.js";

const PREFIX = "backbone.";

/**
 * Fills the backbone from a file of weights in any known format and naming (lib/weights/rules.ts). Parameters that the
 * file lacks keep their random values; tensors that the backbone has no place for, such as a classifier's head, are
 * left out.
 *
 * @returns a sentence on what was loaded
 * @throws UserError when the file cannot be read or nothing in it fits
 */
export async function loadBackbone(path: string, values: ParameterValues, config: BackboneConfig): Promise<string> {
  const file = await openTensorFile(path);
  try {
    const wanted = values.parameters.filter(({ name }) => name.startsWith(PREFIX));
    const plan = planLoad({ file, wanted, adapters: adaptersOf(config) });
    requireSome(
      "the backbone",
      plan,
      wanted.map(({ name }) => name.slice(PREFIX.length)),
      "give the weights of this backbone in model.backbone.weights, or set it to null to start from random weights",
    );
    await fillFrom(file, plan, values);
    return describePlan("backbone", plan);
  } finally {
    await file.close();
  }
}
