import type { Config } from "../config/schema.js";
import type { Engine } from "../engines/engine.js";
import { openEngine } from "../engines/index.js";
import { UserError } from "../errors.js";
import { writeFileAtomic } from "../files.js";
import { checkCharts } from "../images/draw/vega.js";
import { checkPageFile } from "../pages/index.js";
import type { Size } from "../pixels/image.js";
import { profileOf } from "./figures.js";
import { watchLoad } from "./machine.js";
import { CLOCKS, type Contender, measureInTurn, ratio, type Timing } from "./measure.js";
import { memoryOf } from "./memory.js";
import { type NamedConfig, openModel } from "./model.js";
import { drawParameters, openNetwork, usualSize } from "./network.js";
import { profilePage } from "./page.js";
import { peaksOf, preparePeaks } from "./peaks.js";
import { adviceOnNoise, checkClock, type How, howOf, PATIENCE, roughly, settingOf, WARM_UP } from "./setting.js";
import { type Estimate, halfWidth } from "./statistics.js";
import { prepareSubject, type Subject } from "./subject.js";
import type { Comparison, ModelProfile, ProfileOptions, ProfileResult } from "./types.js";

/**
 * Measures parameters, multiply-adds, bytes of activations and latency of models: whole, by stage, by block and by operator
 * type. Every part is a program of its own, cut from the folded graph and run on the activations that reach it in the whole
 * model, all in turn in the same rounds.
 *
 * @throws UserError where a model is unknown or cannot take a size, where the engine is missing, and where the machine is
 *   too noisy for the interval asked for; the signal's reason when aborted
 */
export async function profile(options: ProfileOptions): Promise<ProfileResult> {
  const {
    models,
    overrides = [],
    allowPlugins = false,
    batches = [1],
    sizes = [undefined],
    compare = false,
    out,
  } = options;
  const how = howOf(options);
  if (compare && models.length < 2) throw new UserError("--compare needs at least two models", 2);
  if (out !== undefined) {
    checkPageFile(out, options.force);
    await checkCharts();
  }
  const named = await Promise.all(models.map((model) => openModel(model, { overrides, allowPlugins })));
  const config = sharedEngine(named);
  checkClock(how.clock, config);
  const engine = await openEngine(config);
  const found: PointResult[] = [];
  for (const group of compare ? [named] : named.map((one) => [one])) {
    for (const size of sizes) {
      for (const batch of batches) found.push(await profilePoint(group, { engine, batch, size }, how, options));
    }
  }
  const result: ProfileResult = {
    setting: settingOf({
      engine,
      threads: config.threads,
      how,
      rounds: found.map(({ rounds }) => rounds),
      loads: found.map(({ othersLoad }) => othersLoad),
    }),
    profiles: found.flatMap(({ profiles }) => profiles),
    ...(compare && { comparison: found.flatMap(({ comparison }) => comparison) }),
  };
  if (out === undefined) return result;
  await writeFileAtomic(out, await profilePage(result));
  return { ...result, out };
}

interface Point {
  readonly engine: Engine;
  readonly batch: number;
  readonly size: Size | undefined;
}

interface PointResult {
  readonly profiles: readonly ModelProfile[];
  readonly comparison: readonly Comparison[];
  readonly rounds: number;
  readonly othersLoad: number | undefined;
}

/** @throws UserError where configs name different engines: compared models run on the same one */
function sharedEngine([first, ...others]: readonly NamedConfig[]): Config["engine"] {
  const { engine } = first!.config;
  const differing = others.find(({ config }) => JSON.stringify(config.engine) !== JSON.stringify(engine));
  if (differing === undefined) return engine;
  throw new UserError(
    `${first!.name} and ${differing.name}: \`engine\` differs in their configs; say --engine, --provider or --threads, or --set engine.…`,
    2,
  );
}

/** Models at one size and batch, timed in turn. */
async function profilePoint(
  models: readonly NamedConfig[],
  point: Point,
  how: How,
  options: ProfileOptions,
): Promise<PointResult> {
  const {
    overrides = [],
    allowPlugins = false,
    classes,
    signal,
    onEvent,
    compare = false,
    totalOnly = compare,
    memory = true,
    clock = "wall",
  } = options;
  const subjects = await prepareAll(models, point, options);
  const peaks = totalOnly ? undefined : await preparePeaks(point.engine, CLOCKS[clock]);
  try {
    const load = watchLoad();
    const timings = await timed(subjects, peaks?.contenders ?? [], how, options);
    const othersLoad = load();
    checkWhole(subjects, timings, how.within, othersLoad);
    const [product, copy] = (peaks?.contenders ?? []).map((contender) => timings.get(contender)!);
    const roofs = product && copy && peaksOf(product, copy);
    const profiles: ModelProfile[] = [];
    for (const [i, subject] of subjects.entries()) {
      const { batch, size } = subject;
      const model = models[i]!.asked;
      onEvent?.({
        type: "message",
        text: `running ${subject.network.name} in a process of its own, to measure its memory`,
      });
      const task = { model, overrides, allowPlugins, batch, size, ...(classes !== undefined && { classes }) };
      const use = memory ? await memoryOf(task, signal) : undefined;
      profiles.push(
        await profileOf(subject, { timings, engine: point.engine, within: how.within, memory: use, peaks: roofs }),
      );
    }
    const rounds = Math.max(...[...timings.values()].map(({ latency }) => latency.rounds));
    return { profiles, comparison: compare ? ratiosOf(subjects, timings) : [], rounds, othersLoad };
  } finally {
    for (const { dispose } of [...subjects, ...(peaks === undefined ? [] : [peaks])]) await dispose();
  }
}

type Timings = ReadonlyMap<Contender, Timing>;

async function prepareAll(
  models: readonly NamedConfig[],
  { engine, batch, size }: Point,
  { classes, compare = false, totalOnly = compare, clock = "wall", signal, onEvent }: ProfileOptions,
): Promise<Subject[]> {
  const subjects: Subject[] = [];
  try {
    for (const model of models) {
      signal?.throwIfAborted();
      onEvent?.({ type: "message", text: `preparing ${model.name}` });
      const network = await openNetwork(model, classes);
      drawParameters(network);
      const how = { engine, batch, size: size ?? usualSize(model), totalOnly, clock, signal };
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
  besides: readonly Contender[],
  { rounds, seconds, within }: How,
  { signal, onEvent }: ProfileOptions,
): Promise<Timings> {
  const contenders = [...subjects.flatMap((subject) => subject.contenders), ...besides];
  const wholes = subjects.map(({ whole }) => contenders.indexOf(whole.contender));
  const timings = await measureInTurn(contenders, {
    rounds,
    mostRounds: PATIENCE * rounds,
    seconds,
    warmUp: WARM_UP,
    isEnough: (found) => wholes.every((place) => halfWidth(found[place]!.latency) <= within),
    signal,
    onVisit: ({ name }, done, total) => onEvent?.({ type: "progress", what: `timing ${name}`, done, total }),
  });
  return new Map(contenders.map((contender, i) => [contender, timings[i]!]));
}

/** @throws UserError where a whole model's interval is wider than asked for: no number is better than a wrong one */
function checkWhole(subjects: readonly Subject[], timings: Timings, within: number, others: number | undefined): void {
  for (const { network, whole } of subjects) {
    const { latency } = timings.get(whole.contender)!;
    if (halfWidth(latency) <= within) continue;
    throw new UserError(tooNoisy(network.name, latency, within, others));
  }
}

function tooNoisy(name: string, latency: Estimate, within: number, others: number | undefined): string {
  const error = halfWidth(latency);
  return `${name}: the machine is too noisy: after ${latency.rounds} rounds the latency is known to ± ${roughly(error)}, not to the ± ${roughly(within)} asked for${adviceOnNoise(error, others)}`;
}

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
