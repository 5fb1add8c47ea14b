import { IMAGENET } from "../backbones/backbone.js";
import { adaptersOf, type BackboneConfig, backboneTitle, publishedWeights } from "../backbones/index.js";
import { UserError } from "../errors.js";
import { localFile, type Watch } from "../hub/index.js";
import type { ParameterValues } from "../nn/parameters.js";
import { openTensorFile } from "../tensorfiles/open.js";
import { fillFrom } from "../weights/load.js";
import { planLoad } from "../weights/plan.js";
import { describePlan, requireSome } from "../weights/report.js";

const PREFIX = "backbone.";

export interface LoadBackboneOptions extends Watch {
  /** The config's: a path, an address, or the word for the published ones. */
  readonly weights: string;
  readonly values: ParameterValues;
  readonly config: BackboneConfig;
}

/** What the config calls the weights, as a path or an address, and what there is to say of it. */
function sourceOf(
  weights: string,
  config: BackboneConfig,
): { readonly named: string; readonly said: readonly string[] } {
  if (weights !== IMAGENET) return { named: weights, said: [] };
  const published = publishedWeights(config);
  if (published === undefined) {
    throw new UserError(
      `model.backbone.weights: no weights are published for ${backboneTitle(config)}, so imagenet stands for none; give a file or an ` +
        "address, or set it to null to start from random weights",
    );
  }
  const { repository, licence, note } = published;
  const named = `hf://${repository}`;
  const text = `backbone weights: ${named}, trained on ImageNet-1k, licence: ${licence}`;
  return { named, said: [note === undefined ? text : `${text}; ${note}`] };
}

/**
 * Fills the backbone from a file of weights in any known format and naming (lib/weights/rules.ts). Parameters that the
 * file lacks keep their random values; tensors that the backbone has no place for, such as a classifier's head, are
 * left out.
 *
 * @returns sentences on what was loaded
 * @throws UserError when the file cannot be read or nothing in it fits
 */
export async function loadBackbone({ weights, values, config, ...watch }: LoadBackboneOptions): Promise<string[]> {
  const { named, said } = sourceOf(weights, config);
  const file = await openTensorFile(await localFile(named, watch));
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
    return [...said, describePlan("backbone", plan)];
  } finally {
    await file.close();
  }
}
