import { existsSync } from "node:fs";
import { UserError } from "../lib/errors.js";
import { writeFileAtomic } from "../lib/files.js";
import { describeSetting, error, milliseconds } from "../lib/profile/format.js";
import { backboneNames } from "../lib/profile/model.js";
import { profile } from "../lib/profile/profile.js";
import { type Estimate, estimate, halfWidth } from "../lib/profile/statistics.js";
import type { ProfileResult, Setting } from "../lib/profile/types.js";
import { LATENCIES, type Latencies, readLatencies, type TaskLatencies } from "../tools/cards/latencies.js";
import { ZOO_TASKS, type ZooTask, zooConfigs } from "../tools/cards/published.js";

export interface CardsOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly threads: number;
  readonly progress: (text: string) => void;
}

/** Every model is timed in the same rounds as this backbone's, so that its ratio holds where the machine's speed changes. */
const REFERENCE = "efficientformer-l1";
/** Models that are in memory at one time, beside the reference. */
const TOGETHER = { classification: 8, detection: 3, segmentation: 5 } as const satisfies Record<
  ZooTask["name"],
  number
>;
/** Half the interval of a ratio at most. */
const WITHIN = 0.1;

/**
 * Measures the latency of every model of the zoo for the cards and the plots of docs/models.md, and keeps it in
 * bench/latencies.json. Tasks that are not measured keep what was measured on the same machine before.
 *
 * @param tasks names of tasks; all where none is named
 */
export async function measureCards(tasks: readonly string[], options: CardsOptions): Promise<void> {
  const known = ZOO_TASKS.map(({ name }) => name as string);
  const unknown = tasks.find((task) => !known.includes(task));
  if (unknown !== undefined) {
    throw new UserError(`the zoo has no task "${unknown}"; cards are of ${known.join(", ")}`, 2);
  }
  for (const task of ZOO_TASKS.filter(({ name }) => tasks.length === 0 || tasks.includes(name))) {
    const { setting, measured } = await measureTask(task, options);
    const [machine, how] = describeSetting(setting);
    const before = existsSync(LATENCIES) ? readLatencies() : undefined;
    const kept = before?.machine === machine ? before.tasks : {};
    const latencies: Latencies = { machine, tasks: { ...kept, [task.name]: { how, ...measured } } };
    await writeFileAtomic(LATENCIES, `${JSON.stringify(latencies, undefined, 2)}\n`);
  }
  options.progress(`${LATENCIES} is written; npm run generate makes the cards and plots of it`);
}

async function measureTask(task: ZooTask, { rounds, seconds, threads, progress }: CardsOptions) {
  const { size, name } = task;
  const models = modelsOf(task);
  const reference = models.find(({ backbone }) => backbone === REFERENCE)!;
  const others = models.filter((model) => model !== reference);
  const ratios: Record<string, Estimate> = {};
  const referenceRounds: number[] = [];
  const settings: Setting[] = [];
  for (let first = 0; first < others.length; first += TOGETHER[name]) {
    const group = others.slice(first, first + TOGETHER[name]);
    progress(`${task.title}: ${group.map(({ backbone }) => backbone).join(", ")}`);
    const result: ProfileResult = await profile({
      models: [reference, ...group].map(({ model }) => model),
      overrides: [`engine.threads=${threads}`],
      sizes: [size],
      compare: true,
      memory: false,
      rounds,
      seconds,
      within: Number.POSITIVE_INFINITY, // ratios are judged, not latencies
    });
    const [{ total }] = result.profiles as [ProfileResult["profiles"][0]];
    referenceRounds.push(...total.rounds);
    settings.push(result.setting);
    for (const [i, { ratio }] of (result.comparison ?? []).entries()) {
      const { backbone } = group[i]!;
      if (halfWidth(ratio) <= WITHIN) ratios[backbone] = ratio;
      else progress(`${backbone}: left out, the machine is too noisy: its ratio is known to ${error(ratio)} alone`);
    }
  }
  const latency = estimate(referenceRounds);
  progress(`${task.title}: ${REFERENCE} ${milliseconds(latency.median)} ms`);
  const measured: Omit<TaskLatencies, "how"> = {
    ...size,
    reference: REFERENCE,
    ms: intervalOf(latency),
    ratios: Object.fromEntries(Object.entries(ratios).map(([model, ratio]) => [model, intervalOf(ratio)])),
  };
  const loads = settings.flatMap(({ othersLoad }) => othersLoad ?? []);
  const setting: Setting = {
    ...settings[0]!,
    rounds,
    ...(loads.length > 0 && { othersLoad: Math.max(...loads) }),
  };
  return { setting, measured };
}

/** Four figures that count: more would be noise in the file's history. */
const intervalOf = ({ median, low, high }: Estimate) => {
  const short = (value: number): number => Number(value.toPrecision(4));
  return { median: short(median), low: short(low), high: short(high) };
};

/** Published configs; of classifiers, backbones without one too. */
function modelsOf(task: ZooTask): { readonly backbone: string; readonly model: string }[] {
  const configs = zooConfigs().filter((config) => config.task === task);
  const models = configs.map(({ backbone, name }) => ({ backbone, model: name }));
  if (task.name !== "classification") return models;
  const further = backboneNames().filter((name) => !models.some(({ backbone }) => backbone === name));
  return [...models, ...further.map((name) => ({ backbone: name, model: name }))];
}
