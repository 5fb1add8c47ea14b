import { type EfficientFormerSize, titleOfSize } from "../backbones/efficientformerSizes.js";
import { UserError } from "../errors.js";
import type { Timing } from "../profile/measure.js";
import { type Estimate, estimate, halfWidth } from "../profile/statistics.js";
import type { ProgressEvent } from "../progress.js";
import { Random } from "../random.js";
import { counted } from "../words.js";
import { architectureOf } from "./architecture.js";
import { fitCorrection, type Observation } from "./correction.js";
import { costOf } from "./costs.js";
import { type Part, partName, partsOf, partsOfSpace } from "./parts.js";
import { randomSize } from "./randomArchitecture.js";
import { searchSpace } from "./space.js";
import {
  atSpeed,
  emptyTable,
  type LatencyTable,
  latencyCosts,
  type Measured,
  partOf,
  referenceMs,
  type TableEntry,
  writeTable,
} from "./tableFile.js";

/** Times parts and networks, each list in turn with the start, round by round. */
export interface Bench {
  timeParts(parts: readonly Part[], enough: IsEnough): Promise<TimedGroup>;
  timeNetworks(sizes: readonly EfficientFormerSize[], enough: IsEnough): Promise<TimedGroup>;
}

export interface TimedGroup {
  /** The start, timed in the same rounds. */
  readonly reference: Pick<Timing, "ms">;
  /** In the order of the programs given. */
  readonly timings: readonly Pick<Timing, "ms">[];
}

/** Whether times are known well enough to stop. @param group all rounds so far */
export type IsEnough = (group: TimedGroup) => boolean;

export interface BuildOptions {
  readonly out: string;
  readonly setting: LatencyTable["setting"];
  readonly start: EfficientFormerSize;
  readonly method: LatencyTable["method"];
  readonly bench: Bench;
  /** Number of whole networks to compare the sums with. */
  readonly networks: number;
  /** How many of them are timed in turn; default `MOST_AT_ONCE`. */
  readonly networksAtOnce?: number | undefined;
  /** The table of an earlier run, to be completed. */
  readonly begun?: LatencyTable;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ProgressEvent) => void) | undefined;
}

/** Number of programs timed in turn: with more, they would run minutes apart within a round. */
const GROUP = 24;
/** The same of whole networks. */
export const MOST_AT_ONCE = 20;
/** How often programs that were too noisy are timed again, after all others. */
const RETRIES = 3;

/**
 * Times every part of every network of the space, then whole networks, to see how well the sums predict them. The file is
 * written after each group, so that a run that was killed can be resumed.
 *
 * @throws UserError where the machine is too noisy for the interval asked for; finished measurements are kept
 */
export async function buildTable(options: BuildOptions): Promise<LatencyTable> {
  const { out, setting, start, method, bench, networksAtOnce = MOST_AT_ONCE, begun, signal, onEvent } = options;
  let table = begun ?? emptyTable({ setting, start, method });
  const space = searchSpace(start);
  const smallest = 1 / partsOf(architectureOf(start)).length;
  const isKnown = (ratio: Estimate): boolean =>
    halfWidth(ratio) * ratio.median <= method.within * Math.max(ratio.median, smallest);
  const isKnownWell = (ratio: Estimate): boolean => halfWidth(ratio) <= method.within;

  const timeAll = async <T>(
    todo: readonly T[],
    how: {
      readonly what: string;
      readonly group: number;
      readonly isKnown: (ratio: Estimate) => boolean;
      readonly time: (items: readonly T[], enough: IsEnough) => Promise<TimedGroup>;
      readonly keep: (item: T, measured: Measured) => void;
    },
  ): Promise<readonly T[]> => {
    let [queue, noisy] = [todo, [] as T[]];
    let done = 0;
    for (let attempt = 0; attempt <= RETRIES && queue.length > 0; attempt++) {
      noisy = [];
      for (let at = 0; at < queue.length; at += how.group) {
        signal?.throwIfAborted();
        onEvent?.({ type: "progress", what: how.what, done, total: todo.length });
        const items = queue.slice(at, at + how.group);
        const found = await how.time(items, (group) => estimatesOf(group).every(how.isKnown));
        const ratios = estimatesOf(found);
        const now = estimate(found.reference.ms).median;
        for (const [i, item] of items.entries()) {
          if (how.isKnown(ratios[i]!)) how.keep(item, measuredOf(ratios[i]!, now));
          else noisy.push(item);
        }
        done = todo.length - (queue.length - at - items.length) - noisy.length;
        await writeTable(out, table);
      }
      queue = noisy;
    }
    if (queue.length === 0) onEvent?.({ type: "progress", what: how.what, done, total: todo.length });
    return queue;
  };

  const have = new Set(table.entries.map((entry) => partName(partOf(entry))));
  // Shuffled: what disturbs one group would otherwise make one kind of part seem slow, and with it some kinds of networks.
  const parts = Random.of("slimming", "parts").shuffle(partsOfSpace(space));
  const noisyParts = await timeAll(
    parts.filter((part) => !have.has(partName(part))),
    {
      what: "timing parts",
      group: GROUP,
      isKnown,
      time: (parts, enough) => bench.timeParts(parts, enough),
      keep: (part, measured) => {
        table = { ...table, entries: [...table.entries, { ...part, ...measured } as TableEntry] };
      },
    },
  );
  if (noisyParts.length > 0) throw tooNoisy(noisyParts.map(partName), method.within, out);

  const timed = new Set(table.networks.map(({ size }) => titleOfSize(size)));
  const drawn = drawNetworks(start, options.networks).filter((size) => !timed.has(titleOfSize(size)));
  const noisyNetworks = await timeAll(drawn, {
    what: "timing whole networks",
    group: networksAtOnce,
    isKnown: isKnownWell,
    time: (sizes, enough) => bench.timeNetworks(sizes, enough),
    keep: (size, measured) => {
      const { widths, depths, attentionBlocks } = size;
      const copy = { widths: [...widths], depths: [...depths], attentionBlocks } as LatencyTable["start"];
      table = { ...table, networks: [...table.networks, { size: copy, ...measured }] };
    },
  });
  if (noisyNetworks.length > 0) throw tooNoisy(noisyNetworks.map(titleOfSize), method.within, out);

  table = table.networks.length === 0 ? table : { ...table, fit: fitCorrection(observationsOf(table)) };
  await writeTable(out, table);
  return table;
}

/** Each one's time ÷ the start's, round by round. */
export const estimatesOf = ({ reference, timings }: TimedGroup): Estimate[] =>
  timings.map(({ ms }) => estimate(ms.map((one, round) => one / reference.ms[round]!)));

/** @param now milliseconds of the start in the same rounds */
const measuredOf = ({ median, low, high, ...rest }: Estimate, now: number): Measured => ({
  ms: median * now,
  low: low * now,
  high: high * now,
  ...rest,
  referenceMs: now,
});

/** Distinct networks of the space; fewer where it has no more. */
function drawNetworks(start: EfficientFormerSize, count: number): EfficientFormerSize[] {
  const space = searchSpace(start);
  const random = Random.of("slimming", "networks");
  const found = new Map<string, EfficientFormerSize>();
  for (let draws = 0; found.size < count && draws < 100 * count; draws++) {
    const size = randomSize(space, random);
    found.set(titleOfSize(size), size);
  }
  return [...found.values()];
}

/** The measured time of each whole network, and that of its parts together. */
export function observationsOf(table: LatencyTable): Observation[] {
  const { correction: _, ...additive } = latencyCosts(table, "");
  const now = referenceMs(table);
  return table.networks.map((network) => {
    const architecture = architectureOf(network.size);
    return {
      sum: costOf(architecture, additive),
      parts: partsOf(architecture).length,
      measured: atSpeed(network, now),
    };
  });
}

function tooNoisy(names: readonly string[], within: number, out: string): UserError {
  const [first, ...others] = names;
  const more = others.length === 0 ? "" : ` and ${counted(others.length, "other")}`;
  return new UserError(
    `the machine is too noisy: ${first}${more} could not be timed to ± ${Math.round(100 * within)} %; finished measurements are in ${out}: ` +
      "end other programs and continue with --resume, or ask for less with --within",
  );
}
