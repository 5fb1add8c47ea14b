import type { Engine } from "../../engines/engine.js";
import { openEngine } from "../../engines/index.js";
import { UserError } from "../../errors.js";
import { writeFileAtomic } from "../../files.js";
import { checkCharts } from "../../images/draw/vega.js";
import { checkPageFile } from "../../pages/index.js";
import { watchLoad } from "../machine.js";
import { measureInTurn, ratio, type Timing } from "../measure.js";
import { findModel } from "../model.js";
import { adviceOnNoise, checkClock, type How, howOf, PATIENCE, settingOf, WARM_UP } from "../setting.js";
import { halfWidth } from "../statistics.js";
import type { Experiment } from "./experiment.js";
import { observationsOf } from "./index.js";
import { observationsPage } from "./page.js";
import { type Compared, isKnown, sentenceOf } from "./sentence.js";
import { prepareTrial, type Trial } from "./trial.js";
import type { ExperimentResult, ObservationResult, ObserveOptions, ObserveResult, VariantResult } from "./types.js";

/** Its config names the engine, unless an override does. */
const MODEL = "efficientformer-l1";

/**
 * Runs the paper's four observations as experiments on this machine. Each compares several ways to compute the same, each a
 * program of its own, timed in turn in the same rounds and compared with the first.
 *
 * @throws UserError where an observation is unknown or the engine is missing; the signal's reason when aborted
 */
export async function observe(options: ObserveOptions = {}): Promise<ObserveResult> {
  const { only = [], overrides = [], out, force } = options;
  const how = howOf(options);
  const chosen = observationsOf(only);
  if (out !== undefined) {
    checkPageFile(out, force);
    await checkCharts();
  }
  const config = engineConfig(overrides);
  checkClock(how.clock, config);
  const engine = await openEngine(config);
  const found: Found[] = [];
  const observations: ObservationResult[] = [];
  for (const { name, title, paper, experiments } of chosen) {
    const made: Found[] = [];
    for (const experiment of experiments) made.push(await run(experiment, engine, how, options));
    observations.push({ name, title, paper, experiments: made.map(({ result }) => result) });
    found.push(...made);
  }
  const loads = found.map(({ othersLoad }) => othersLoad);
  const rounds = found.map(({ rounds }) => rounds);
  const setting = settingOf({ engine, threads: config.threads, how, rounds, loads });
  const tooNoisy = noiseOf(found, how.within, setting.othersLoad);
  const result: ObserveResult = { setting, observations, ...(tooNoisy !== undefined && { tooNoisy }) };
  if (out === undefined) return result;
  await writeFileAtomic(out, await observationsPage(result));
  return { ...result, out };
}

/** @throws UserError for an override of anything but the engine */
function engineConfig(overrides: readonly string[]) {
  const other = overrides.find((override) => !override.startsWith("engine."));
  if (other !== undefined) {
    throw new UserError(`--set ${other}: the experiments of --observations have no model; only engine.… can be set`, 2);
  }
  return findModel(MODEL, overrides).config.engine;
}

interface Found {
  readonly result: ExperimentResult;
  readonly compared: readonly Compared[];
  readonly rounds: number;
  readonly othersLoad: number | undefined;
}

async function run(experiment: Experiment, engine: Engine, how: How, options: ObserveOptions): Promise<Found> {
  const { signal, onEvent } = options;
  const { rounds, seconds, within, clock } = how;
  const trials: Trial[] = [];
  try {
    for (const variant of experiment.variants) {
      signal?.throwIfAborted();
      trials.push(await prepareTrial(variant, experiment, { engine, clock }));
    }
    const load = watchLoad();
    const timings = await measureInTurn(
      trials.map(({ contender }) => contender),
      {
        rounds,
        mostRounds: PATIENCE * rounds,
        seconds,
        warmUp: WARM_UP,
        isEnough: (found) => found.slice(1).every((one) => halfWidth(ratio(one, found[0]!)) <= within),
        signal,
        onVisit: ({ name }, done, total) =>
          onEvent?.({ type: "progress", what: `${experiment.title}: ${name}`, done, total }),
      },
    );
    return { ...resultOf(experiment, trials, timings, within), rounds: timings[0]!.ms.length, othersLoad: load() };
  } finally {
    for (const { program } of trials) await program.dispose();
  }
}

function resultOf({ title }: Experiment, trials: readonly Trial[], timings: readonly Timing[], within: number) {
  const [first] = timings as readonly [Timing];
  const compared = trials.map(
    ({ variant: { label, name = label, paper } }, i): Compared => ({ name, paper, ratio: ratio(timings[i]!, first) }),
  );
  const variants = trials.map(({ variant: { label, name = label, paper }, input, output, work }, i): VariantResult => {
    const { latency } = timings[i]!;
    return {
      label,
      name,
      input,
      output,
      ...work,
      ...(halfWidth(latency) <= within && { latency }),
      ...(i > 0 && isKnown(compared[i]!, within) && { ratio: compared[i]!.ratio }),
      ...(paper !== undefined && { paper }),
    };
  });
  const [{ name }, ...others] = compared as [Compared, ...Compared[]];
  const result: ExperimentResult = { title, variants, sentence: sentenceOf(name, others, within) };
  return { result, compared: others };
}

function noiseOf(found: readonly Found[], within: number, others: number | undefined): ObserveResult["tooNoisy"] {
  const all = found.flatMap(({ compared }) => compared);
  const unknown = all.filter((one) => !isKnown(one, within));
  if (unknown.length === 0) return undefined;
  const widest = Math.max(...unknown.map(({ ratio }) => halfWidth(ratio)));
  return { ratios: unknown.length, of: all.length, advice: adviceOnNoise(widest, others) };
}
