import { setTimeout as sleep } from "node:timers/promises";
import { type Estimate, estimate, median, reachingTo } from "./statistics.js";
import { watchWaiting } from "./waiting.js";

/** Something to be timed. */
export interface Contender {
  readonly name: string;
  /** Runs for about so many seconds, at least once. @returns milliseconds of each run */
  visit(seconds: number): Promise<readonly number[]>;
  /** Milliseconds that a run of the last visit's waited for a processor; undefined where nobody knows. */
  waited?(): number | undefined;
}

export interface MeasureOptions {
  /** Rounds that are made in any case; each visits every contender once. */
  readonly rounds: number;
  /** Rounds that are made at most, while what is known is not good enough; default `rounds`. */
  readonly mostRounds?: number;
  /** The time a contender runs in a visit. */
  readonly seconds: number;
  /** Whether what is known, one a contender, is good enough to stop at; by default anything is. */
  readonly isEnough?: (timings: readonly Pick<Timing, "ms" | "latency">[]) => boolean;
  /** Visits of each contender before the first round, whose times are left out. Default 1. */
  readonly warmUp?: number;
  /** Before each visit: threads of the contender before go on spinning for a while, waiting for work. Default 20. */
  readonly pauseMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Before each visit: how many were made, of how many that are to be expected. */
  readonly onVisit?: (contender: Contender, done: number, total: number) => void;
}

export interface Timing {
  readonly name: string;
  /** The median of each round's runs, milliseconds, in the order of the rounds. */
  readonly ms: readonly number[];
  /** Runs in all rounds together. */
  readonly runs: number;
  /**
   * Of `ms`. Where runs waited for processors that others had, the interval reaches down to what is left without the
   * waiting: how much of it there is changes with what others do, from one measurement to the next.
   */
  readonly latency: Estimate;
}

/**
 * Times contenders in turn, A B C A B C …, so that a machine that slows down slows all of them: the only way things are
 * timed in densekit. What counts is the median of each visit.
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

/** Milliseconds since whenever. */
export type Clock = () => number;

/**
 * The clocks there are. `wall`: monotonic time that passes, to the nanosecond. `processor`: the time this process had a
 * processor, which goes on while others do not take it away: no latency, but steady on a shared machine, for programs of
 * one thread.
 */
export const CLOCKS = {
  wall: () => performance.now(),
  processor: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
} as const satisfies Readonly<Record<string, Clock>>;

export type ClockName = keyof typeof CLOCKS;

/** A contender of this process. The first run of a visit finds the caches as others left them; it is not timed. */
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

/** Runs until so many seconds have passed, once at least. @returns milliseconds of each run */
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

/** The median over the rounds of one's time over the other's in the same round. */
export function ratio(a: Pick<Timing, "ms">, b: Pick<Timing, "ms">): Estimate {
  return estimate(a.ms.map((ms, round) => ms / b.ms[round]!));
}

/** The sum of several in each round. */
export const sumOf = (timings: readonly Timing[]): Estimate => estimate(sums(timings));

/** The sum of several over another's time in the same round. */
export const ratioOfSum = (parts: readonly Timing[], whole: Timing): Estimate => ratio({ ms: sums(parts) }, whole);

function sums(timings: readonly Timing[]): number[] {
  const [first] = timings;
  return (first?.ms ?? []).map((_, round) => timings.reduce((total, { ms }) => total + ms[round]!, 0));
}
