import { adaptersOf } from "../backbones/index.js";
import type { Config } from "../config/schema.js";
import type { Watch } from "../hub/index.js";
import { findWeights } from "../runs/folder.js";
import { fromMetadata } from "../tasks/description.js";
import { kindOf } from "../tasks/kinds.js";
import { openTensorFile } from "../tensorfiles/open.js";
import { describedByMeta } from "../weights/description.js";
import { type LoadPlan, planLoad, type Reshaped } from "../weights/plan.js";

/** A model, and the file of weights to compare with it. */
export interface CompareWeightsOptions extends Watch {
  readonly config: Config;
  /** A file of weights, a checkpoint or a run's folder. */
  readonly weights: string;
}

/** Which tensors of a file fit a model, by the model's names. */
export interface Fit {
  readonly loaded: readonly string[];
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly differentlyShaped: readonly Reshaped[];
  /** Tensors with an element type that cannot be read. */
  readonly unreadable: LoadPlan["unreadable"];
  readonly notNeeded: readonly string[];
}

/** What of a file fits a model. */
export interface WeightsComparison {
  readonly path: string;
  /** The naming of the file's tensors; null if it is unknown. */
  readonly naming: string | null;
  /** As weights for `evaluate` and `predict`: all must fit. */
  readonly model: Fit;
  /** As `model.backbone.weights`: what fits is loaded. */
  readonly backbone: Fit;
}

/**
 * Tells which tensors of a file would be loaded into a config's model, without reading them.
 *
 * @throws UserError when the file or the data set that defines the classes cannot be read
 */
export async function compareWeights({ config, weights, ...watch }: CompareWeightsOptions): Promise<WeightsComparison> {
  const file = await openTensorFile(await findWeights(weights, watch));
  try {
    const description = fromMetadata(file.metadata, file.path) ?? describedByMeta(file);
    const known = description?.task === config.task ? description : undefined;
    const { parameters: wanted } = await kindOf(config).open(config, known, "val");
    const model = planLoad({ file, wanted });
    const inBackbone = wanted.filter(({ name }) => name.startsWith("backbone."));
    const backbone = planLoad({ file, wanted: inBackbone, adapters: adaptersOf(config.model.backbone) });
    return { path: file.path, naming: model.naming ?? null, model: fitOf(model), backbone: fitOf(backbone) };
  } finally {
    await file.close();
  }
}

function fitOf({ loads, missing, initial, unexpected, reshaped, unreadable, notNeeded }: LoadPlan): Fit {
  return {
    loaded: loads.map(({ name }) => name),
    missing: [...missing, ...initial.map(({ name }) => name)],
    unexpected,
    differentlyShaped: reshaped,
    unreadable,
    notNeeded,
  };
}
