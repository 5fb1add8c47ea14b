import { existsSync } from "node:fs";
import { nearestName, UserError } from "../lib/errors.js";
import { writeFileAtomic } from "../lib/files.js";
import { describeSetting, error } from "../lib/profile/format.js";
import { backboneNames } from "../lib/profile/model.js";
import { profile } from "../lib/profile/profile.js";
import { type Estimate, halfWidth } from "../lib/profile/statistics.js";
import type { Setting } from "../lib/profile/types.js";
import {
  type Interval,
  LATENCIES,
  type Latencies,
  readLatencies,
  type TaskLatencies,
} from "../tools/cards/latencies.js";
import { ZOO_TASKS, type ZooTask, zooConfigs } from "../tools/cards/published.js";

export interface CardsOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly threads: number;
  readonly progress: (text: string) => void;
}

/** Every model is timed in the same rounds as this backbone's, so that its ratio holds when the machine's speed changes. */
const REFERENCE = "efficientformer-l1";
/** Number of models in memory at once, besides the reference. */
const TOGETHER = { classification: 8, detection: 3, segmentation: 5 } as const satisfies Record<
  ZooTask["name"],
  number
>;
/** Maximum half-width of a ratio's interval; if it is wider, the model is measured again. */
const WITHIN = 0.1;
const ATTEMPTS = 3;

/**
 * Measures the latency of every model of the zoo for the cards and plots of docs/models.md, and saves it in
 * bench/latencies.json, together with earlier results for other models on the same machine with the same number of threads.
 *
 * @param names of tasks and backbones; all if empty
 */
export async function measureCards(names: readonly string[], options: CardsOptions): Promise<void> {
  const { tasks, backbones } = chosen(names);
  for (const task of tasks) await measureTask(task, backbones, options);
  options.progress(`${LATENCIES} is written; npm run generate makes the cards and plots from it`);
}

/** @throws UserError for a name that is neither a task's nor a backbone's */
function chosen(names: readonly string[]) {
  const known = ZOO_TASKS.map(({ name }) => name as string);
  const backbones = names.filter((name) => backboneNames().includes(name));
  const unknown = names.find((name) => !known.includes(name) && !backbones.includes(name));
  if (unknown !== undefined) {
    const near = nearestName(unknown, [...known, ...backboneNames()]);
    const hint =
      near === undefined ? `there are ${known.join(", ")}, and the backbones by name` : `did you mean ${near}?`;
    throw new UserError(`the zoo has no task or backbone "${unknown}"; ${hint}`, 2);
  }
  const named = ZOO_TASKS.filter(({ name }) => names.includes(name));
  return { tasks: named.length > 0 ? named : ZOO_TASKS, backbones };
}

/** Each group's results are written at once, because a whole task takes long. */
async function measureTask(task: ZooTask, backbones: readonly string[], options: CardsOptions): Promise<void> {
  const { progress } = options;
  const models = modelsOf(task);
  const reference = models.find(({ backbone }) => backbone === REFERENCE)!;
  const wanted = (name: string): boolean => backbones.length === 0 || backbones.includes(name);
  let missing = models.filter((model) => model !== reference && wanted(model.backbone));
  if (missing.length === 0) {
    throw new UserError(`${task.title}: the zoo has no other model with ${backbones.join(", ")}`, 2);
  }
  for (let attempt = 0; attempt < ATTEMPTS && missing.length > 0; attempt++) {
    const known = new Set<string>();
    for (let first = 0; first < missing.length; first += TOGETHER[task.name]) {
      const group = missing.slice(first, first + TOGETHER[task.name]);
      progress(`${task.title}: ${group.map(({ backbone }) => backbone).join(", ")}`);
      const { setting, profiles, comparison = [] } = await compare([reference, ...group], task, options);
      const ratios: Record<string, Interval> = {};
      for (const [i, { ratio }] of comparison.entries()) {
        const { backbone } = group[i]!;
        if (halfWidth(ratio) > WITHIN) {
          progress(`${backbone}: the machine is too noisy, its ratio is known to ${error(ratio)} only`);
          continue;
        }
        ratios[backbone] = intervalOf(ratio);
        known.add(backbone);
      }
      if (Object.keys(ratios).length === 0) continue; // the reference's time is of no use either
      await keep(task, setting, { referenceMs: short(profiles[0]!.total.latency.median), ratios });
    }
    missing = missing.filter(({ backbone }) => !known.has(backbone));
  }
  if (missing.length > 0) progress(`left out: ${missing.map(({ backbone }) => backbone).join(", ")}`);
}

interface GroupFigures {
  readonly referenceMs: number;
  readonly ratios: Readonly<Record<string, Interval>>;
}

/** Adds a group's results to earlier ones on the same machine with the same number of threads. */
async function keep({ name, size }: ZooTask, setting: Setting, { referenceMs, ratios }: GroupFigures): Promise<void> {
  const [machine, how] = describeSetting(setting);
  const { threads } = setting;
  const before = existsSync(LATENCIES) ? readLatencies() : undefined;
  const kept = before?.machine === machine ? before.tasks : {};
  const same = kept[name]?.threads === threads ? kept[name] : undefined;
  const found: TaskLatencies = {
    how,
    threads,
    ...size,
    reference: REFERENCE,
    referenceMs: [...(same?.referenceMs ?? []), referenceMs],
    ratios: sorted({ ...same?.ratios, ...ratios }),
  };
  const latencies: Latencies = { machine, tasks: { ...kept, [name]: found } };
  await writeFileAtomic(LATENCIES, `${JSON.stringify(latencies, undefined, 2)}\n`);
}

const sorted = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

function compare(
  models: readonly ZooModel[],
  { size, overrides }: ZooTask,
  { rounds, seconds, threads }: CardsOptions,
) {
  return profile({
    models: models.map(({ model }) => model),
    overrides: [`engine.threads=${threads}`, ...overrides],
    sizes: [size],
    compare: true,
    memory: false,
    rounds,
    seconds,
    within: Number.POSITIVE_INFINITY, // the limit is on ratios, not latencies
  });
}

/** Four significant digits: more would be noise in the file's history. */
const short = (value: number): number => Number(value.toPrecision(4));
const intervalOf = ({ median, low, high }: Estimate): Interval => ({
  median: short(median),
  low: short(low),
  high: short(high),
});

interface ZooModel {
  readonly backbone: string;
  /** As `profile` takes it. */
  readonly model: string;
}

/** Published configs; for classifiers, also backbones without one. */
function modelsOf(task: ZooTask): ZooModel[] {
  const configs = zooConfigs().filter((config) => config.task === task);
  const models = configs.map(({ backbone, name }) => ({ backbone, model: name }));
  if (task.name !== "classification") return models;
  const further = backboneNames().filter((name) => !models.some(({ backbone }) => backbone === name));
  return [...models, ...further.map((name) => ({ backbone: name, model: name }))];
}
