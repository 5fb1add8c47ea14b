import type { TrainingConfig } from "../config/schema.js";
import { isBetter, isLowerBetter } from "../runs/checkpoint.js";
import type { Progress, Watched } from "../runs/state.js";
import { counted } from "../words.js";

type Stopping = Pick<TrainingConfig, "earlyStopping"> & {
  readonly checkpoint: Pick<TrainingConfig["checkpoint"], "best">;
};

const metricOf = ({ earlyStopping, checkpoint }: Stopping): string => earlyStopping?.metric ?? checkpoint.best;

/**
 * Takes in a validation's metrics. A metric improves when it beats the best so far by more than `minDelta`; an
 * undefined one never does.
 *
 * @returns undefined where training does not stop early
 */
export function watch(
  config: Stopping,
  before: Watched | undefined,
  { step, metrics }: Pick<Progress, "step" | "metrics">,
): Watched | undefined {
  if (config.earlyStopping === undefined) return undefined;
  const metric = metricOf(config);
  const known: Watched = before?.metric === metric ? before : { metric, waited: 0 };
  const value = metrics[metric] ?? Number.NaN;
  return isBetter(metric, value, known.best?.value, config.earlyStopping.minDelta)
    ? { metric, best: { value, step }, waited: 0 }
    : { ...known, waited: known.waited + 1 };
}

/**
 * Why training stops now: validation has not improved for as long as the config's patience. Undefined if training
 * continues.
 */
export function reasonToStop(config: Stopping, watched: Watched | undefined): string | undefined {
  const { earlyStopping } = config;
  if (earlyStopping === undefined || watched?.metric !== metricOf(config)) return undefined;
  const { metric, best, waited } = watched;
  const { patience, minDelta } = earlyStopping;
  if (waited < patience) return undefined;
  const validations = counted(waited, "validation");
  if (best === undefined) return `${metric} was not defined in ${validations}`;
  const compared = `${minDelta === 0 ? "" : `more than ${minDelta} `}${isLowerBetter(metric) ? "below" : "above"}`;
  return `${metric} was not ${compared} the ${best.value.toPrecision(4)} of step ${best.step} in ${validations} since`;
}
