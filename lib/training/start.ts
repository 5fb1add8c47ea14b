import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import type { ParameterValues } from "../nn/parameters.js";
import { Random } from "../random.js";
import { checkpointNames, loadLatestCheckpoint } from "./checkpoint.js";
import { loadBackbone } from "./initialWeights.js";
import type { Progress } from "./loop.js";
import type { Optimizer } from "./optimizers.js";
import { configDifferences, restore } from "./resume.js";

export interface StartOptions {
  readonly config: Config;
  readonly values: ParameterValues;
  readonly optimizer: Optimizer;
  readonly say: (message: string) => void;
}

/**
 * Fills a new run's parameters: each from the seed and its name, then the backbone from its weights file.
 *
 * @throws UserError when the folder holds a run already, or the weights do not fit
 */
export async function startAnew(options: StartOptions): Promise<Progress> {
  const { output } = options.config;
  const elsewhere = "choose another folder (--set output=...)";
  const [newest] = await checkpointNames(output);
  if (newest !== undefined) {
    throw new UserError(
      `${output}: this folder holds a run already (${newest}); ` +
        `go on with it (--resume), ${elsewhere}, or delete it`,
    );
  }
  const best = join(output, "best.safetensors");
  if (existsSync(best)) {
    throw new UserError(
      `${best}: weights of a run without its checkpoints are in the way; ${elsewhere}, or delete them`,
    );
  }
  return begin(options);
}

async function begin({ config, values, say }: StartOptions): Promise<Progress> {
  const { model, training } = config;
  values.initialise((name) => Random.of(training.seed, name));
  const { weights } = model.backbone;
  if (weights !== undefined) say(await loadBackbone(weights, values, model.backbone));
  return { step: 0, metrics: {}, evaluatedStep: 0 };
}

/**
 * Goes on from the newest checkpoint of the run's folder that can be read; starts anew where there is none.
 *
 * @throws UserError when all checkpoints are damaged, or are those of another model
 */
export async function startFromCheckpoint(options: StartOptions): Promise<Progress> {
  const { config, values, optimizer, say } = options;
  const found = await loadLatestCheckpoint(config.output, say);
  if (found === undefined) {
    say(`${config.output} holds no checkpoint; starting from the beginning`);
    return begin(options);
  }
  const { state } = found.checkpoint;
  restore(found.folder, found.checkpoint, values, optimizer);
  const changed = configDifferences(state.config, config);
  if (changed.length > 0) say(`the config differs from the one the run was begun with: ${changed.join(", ")}`);
  const { step, metrics, evaluatedStep, best } = state;
  return { step, metrics, evaluatedStep, ...(best?.metric === config.training.checkpoint.best && { best }) };
}
