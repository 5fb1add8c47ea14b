import type { Engine } from "../engines/engine.js";
import { openEngine } from "../engines/index.js";
import { UserError } from "../errors.js";
import { profileOf } from "./figures.js";
import { describeMachine, watchLoad } from "./machine.js";
import { type Contender, measureInTurn, ratio, type Timing } from "./measure.js";
import { findModel, type NamedConfig } from "./model.js";
import { drawParameters, openNetwork, type Size, usualSize } from "./network.js";
import { type Estimate, halfWidth } from "./statistics.js";
import { prepareSubject, type Subject } from "./subject.js";
import type { Comparison, ModelProfile, ProfileOptions, ProfileResult } from "./types.js";

const DEFAULTS = { batches: [1], rounds: 10, seconds: 0.05, within: 0.1 } as const;
/** How many times the rounds asked for are made at most, while the interval is too wide. */
const PATIENCE = 4;
const WARM_UP = 1;

/**
 * Parameters, multiply-adds, bytes of activations and latency of models: whole, by stage, by block and by kind of operator.
 * Every part is a program of its own, cut from the folded graph and run on what the whole model hands to it, all of them
 * in turn in the same rounds.
 *
 * @throws UserError where a model is unknown or cannot take a size, where the engine is missing, and where the machine is
 *   too noisy for the interval asked for; the signal's reason when aborted
 */
export async function profile(options: ProfileOptions): Promise<ProfileResult> {
  const { models, overrides = [], batches = DEFAULTS.batches, sizes, compare = false } = options;
  const { rounds = DEFAULTS.rounds, seconds = DEFAULTS.seconds, within = DEFAULTS.within } = options;
  if (compare && models.length < 2) throw new UserError("--compare needs two models at least", 2);
  const named = models.map((model) => findModel(model, overrides));
  const [{ config }] = named as [NamedConfig];
  const engine = await openEngine(config.engine);
  const profiles: ModelProfile[] = [];
  const comparison: Comparison[] = [];
  const loads: number[] = [];
  let made = rounds;
  for (const group of compare ? [named] : named.map((one) => [one])) {
    for (const size of sizes ?? [undefined]) {
      for (const batch of batches) {
        const subjects = await prepareAll(group, { engine, batch, size }, options);
        try {
          const load = watchLoad();
          const timings = await timed(subjects, { rounds, seconds, within }, options);
          const others = load();
          if (others !== undefined) loads.push(others);
          checkWhole(subjects, timings, within, others);
          made = Math.max(made, ...[...timings.values()].map(({ latency }) => latency.rounds));
          for (const subject of subjects) profiles.push(await profileOf(subject, timings, engine, within));
          if (compare) comparison.push(...ratiosOf(subjects, timings));
        } finally {
          for (const subject of subjects) await subject.dispose();
        }
      }
    }
  }
  return {
    setting: {
      machine: describeMachine(),
      engine: engine.name,
      ...(engine.version !== undefined && { engineVersion: engine.version }),
      threads: config.engine.threads,
      warmUp: WARM_UP,
      rounds: made,
      seconds,
      within,
      clock: "performance.now",
      ...(loads.length > 0 && { othersLoad: Math.max(...loads) }),
    },
    profiles,
    ...(compare && { comparison }),
  };
}

type Timings = ReadonlyMap<Contender, Timing>;

async function prepareAll(
  models: readonly NamedConfig[],
  { engine, batch, size }: { readonly engine: Engine; readonly batch: number; readonly size: Size | undefined },
  { classes, totalOnly = false, compare = false, signal, onEvent }: ProfileOptions,
): Promise<Subject[]> {
  const subjects: Subject[] = [];
  try {
    for (const model of models) {
      signal?.throwIfAborted();
      onEvent?.({ type: "message", text: `preparing ${model.name}` });
      const network = await openNetwork(model, classes);
      drawParameters(network);
      const how = { engine, batch, size: size ?? usualSize(model), totalOnly: totalOnly || compare, signal };
      subjects.push(await prepareSubject(network, how));
    }
    return subjects;
  } catch (error) {
    for (const subject of subjects) await subject.dispose();
    throw error;
  }
}

async function timed(
  subjects: readonly Subject[],
  { rounds, seconds, within }: { readonly rounds: number; readonly seconds: number; readonly within: number },
  { signal, onEvent }: ProfileOptions,
): Promise<Timings> {
  const contenders = subjects.flatMap((subject) => subject.contenders);
  const wholes = subjects.map(({ whole }) => contenders.indexOf(whole.contender));
  const timings = await measureInTurn(contenders, {
    rounds,
    mostRounds: PATIENCE * rounds,
    seconds,
    warmUp: WARM_UP,
    isEnough: (latencies) => wholes.every((place) => halfWidth(latencies[place]!) <= within),
    signal,
    onVisit: ({ name }, done, total) => onEvent?.({ type: "progress", what: `timing ${name}`, done, total }),
  });
  return new Map(contenders.map((contender, i) => [contender, timings[i]!]));
}

/** @throws UserError where a whole model's interval is wider than asked: a number that is none is worse than none */
function checkWhole(subjects: readonly Subject[], timings: Timings, within: number, others: number | undefined): void {
  for (const { network, whole } of subjects) {
    const { latency } = timings.get(whole.contender)!;
    if (halfWidth(latency) <= within) continue;
    throw new UserError(tooNoisy(network.name, latency, within, others));
  }
}

function tooNoisy(name: string, latency: Estimate, within: number, others: number | undefined): string {
  const found = `${name}: the machine is too noisy: after ${latency.rounds} rounds the latency is known to ± ${percent(halfWidth(latency))}, not to the ± ${percent(within)} asked for`;
  const cause = others === undefined ? "" : ` (other programs used ${percent(others)} of the processors meanwhile)`;
  return `${found}${cause}; end other programs, or ask for less with --within ${wider(halfWidth(latency))}, or for more rounds with --rounds`;
}

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
/** In per cent, a little more than was reached. */
const wider = (share: number): string => String(Math.ceil(130 * share));

function ratiosOf(subjects: readonly Subject[], timings: Timings): Comparison[] {
  const [first, ...others] = subjects as [Subject, ...Subject[]];
  return others.map((subject) => ({
    model: subject.network.name,
    over: first.network.name,
    batch: subject.batch,
    height: subject.size.height,
    width: subject.size.width,
    ratio: ratio(timings.get(subject.whole.contender)!, timings.get(first.whole.contender)!),
  }));
}
