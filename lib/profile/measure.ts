import { setTimeout as sleep } from "node:timers/promises";
import { type Estimate, estimate, median, reachingTo } from "./statistics.js";
import { watchWaiting } from "./waiting.js";

/** A program to be timed. */
export interface Contender {
  readonly name: string;
  /** Runs for about this many seconds, at least once. @returns milliseconds of each run */
  visit(seconds: number): Promise<readonly number[]>;
  /** Milliseconds that a run of the last visit waited for a processor; undefined where that is not known. */
  waited?(): number | undefined;
}

export interface MeasureOptions {
  /** Minimum number of rounds; each visits every contender once. */
  readonly rounds: number;
  /** Maximum number of rounds, made while `isEnough` is false; default `rounds`. */
  readonly mostRounds?: number;
  /** How long a contender runs per visit. */
  readonly seconds: number;
  /** Whether the timings, one per contender, are precise enough to stop; by default always. */
  readonly isEnough?: (timings: readonly Pick<Timing, "ms" | "latency">[]) => boolean;
  /** Untimed visits of each contender before the first round. Default 1. */
  readonly warmUp?: number;
  /** Pause before each visit, because the previous contender's threads spin for a while, waiting for work. Default 20. */
  readonly pauseMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Called before each visit with the number of visits made and expected. */
  readonly onVisit?: (contender: Contender, done: number, total: number) => void;
}

export interface Timing {
  readonly name: string;
  /** The median of each round's runs in milliseconds, in the order of the rounds. */
  readonly ms: readonly number[];
  /** Number of runs in all rounds. */
  readonly runs: number;
  /**
   * Of `ms`. Where runs waited for processors that other programs used, the interval extends down to the time without the
   * waiting, because the amount of waiting changes from one measurement to the next.
   */
  readonly latency: Estimate;
}

/**
 * Times contenders in turn, A B C A B C …, so that a machine that slows down slows all of them. All timing in densekit is
 * done by this function. The median of each visit counts.
 *
 * @throws the signal's reason when aborted
 */
export async function measureInTurn(
  contenders: readonly Contender[],
  {
    rounds,
    mostRounds = rounds,
    seconds,
    isEnough = () => true,
    warmUp = 1,
    pauseMs = 20,
    signal,
    onVisit,
  }: MeasureOptions,
): Promise<Timing[]> {
  const taken = contenders.map((contender) => ({
    contender,
    ms: [] as number[],
    undisturbed: [] as number[],
    runs: 0,
  }));
  let visits = 0;
  let total = (warmUp + rounds) * contenders.length;
  const visit = async (contender: Contender) => {
    signal?.throwIfAborted();
    onVisit?.(contender, visits++, total);
    await sleep(pauseMs);
    return contender.visit(seconds);
  };
  for (let i = 0; i < warmUp; i++) for (const { contender } of taken) await visit(contender);
  for (let round = 0; round < mostRounds; round++) {
    if (round >= rounds) {
      if (isEnough(taken.map((entry) => ({ ms: entry.ms, latency: latencyOf(entry) })))) break;
      total = (warmUp + mostRounds) * contenders.length;
    }
    for (const entry of taken) {
      const times = await visit(entry.contender);
      const ms = median(times);
      entry.ms.push(ms);
      entry.undisturbed.push(Math.max(0, ms - (entry.contender.waited?.() ?? 0)));
      entry.runs += times.length;
    }
  }
  return taken.map((entry) => {
    const { contender, ms, runs } = entry;
    return { name: contender.name, ms, runs, latency: latencyOf(entry) };
  });
}

const latencyOf = ({ ms, undisturbed }: Record<"ms" | "undisturbed", readonly number[]>): Estimate =>
  reachingTo(estimate(ms), median(undisturbed));

/** Milliseconds since an arbitrary moment. */
export type Clock = () => number;

/**
 * `wall`: monotonic time with a resolution of nanoseconds. `processor`: the time during which this process had a processor.
 * That is not a latency, but steady on a shared machine, for single-threaded programs.
 */
export const CLOCKS = {
  wall: () => performance.now(),
  processor: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
} as const satisfies Readonly<Record<string, Clock>>;

export type ClockName = keyof typeof CLOCKS;

/** A contender in this process. The first run of a visit is not timed: others have used the caches. */
export function contenderOf(name: string, run: () => Promise<void>, clock: Clock = CLOCKS.wall): Contender {
  let last = 0;
  let waited: number | undefined;
  return {
    name,
    async visit(seconds) {
      if (last < seconds * 1000) await run();
      const waiting = watchWaiting();
      const times = await timedRuns(run, seconds, clock);
      const all = waiting();
      waited = clock === CLOCKS.wall && all !== undefined ? all / times.length : undefined;
      last = times.at(-1)!;
      return times;
    },
    waited: () => waited,
  };
}

/** Runs until this many seconds have passed, at least once. @returns milliseconds of each run */
export async function timedRuns(
  run: () => Promise<void>,
  seconds: number,
  clock: Clock = CLOCKS.wall,
): Promise<number[]> {
  const times: number[] = [];
  const start = clock();
  while (times.length === 0 || clock() - start < seconds * 1000) {
    const before = clock();
    await run();
    times.push(clock() - before);
  }
  return times;
}

/** The median over the rounds of a's time ÷ b's time in the same round. */
export function ratio(a: Pick<Timing, "ms">, b: Pick<Timing, "ms">): Estimate {
  return estimate(a.ms.map((ms, round) => ms / b.ms[round]!));
}

/** The sum of several timings, round by round. */
export const sumOf = (timings: readonly Timing[]): Estimate => estimate(sums(timings));

/** The sum of the parts ÷ the whole's time in the same round. */
export const ratioOfSum = (parts: readonly Timing[], whole: Timing): Estimate => ratio({ ms: sums(parts) }, whole);

function sums(timings: readonly Timing[]): number[] {
  const [first] = timings;
  return (first?.ms ?? []).map((_, round) => timings.reduce((total, { ms }) => total + ms[round]!, 0));
}
