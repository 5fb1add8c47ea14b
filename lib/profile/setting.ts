import type { Engine } from "../engines/engine.js";
import type { EngineConfig } from "../engines/index.js";
import { UserError } from "../errors.js";
import { percent } from "./format.js";
import { describeMachine } from "./machine.js";
import type { ClockName } from "./measure.js";
import type { Setting } from "./types.js";

/** Limit on rounds while an interval is too wide, as a multiple of the rounds asked for. */
export const PATIENCE = 4;
export const WARM_UP = 1;

/** How long and how precisely to measure. */
export interface How {
  readonly rounds: number;
  readonly seconds: number;
  /** Maximum half-width of an interval, as a share of the median. */
  readonly within: number;
  readonly clock: ClockName;
}

/** The options given, with defaults for the rest. */
export function howOf({ rounds = 10, seconds = 0.05, within = 0.1, clock = "wall" }: Partial<How>): How {
  return { rounds, seconds, within, clock };
}

/** @throws UserError where the clock cannot time the engine */
export function checkClock(clock: ClockName, { type, threads }: EngineConfig): void {
  if (clock === "wall" || (type === "onnxruntime" && threads === 1)) return;
  throw new UserError("--clock processor counts the time of one thread; say --engine onnxruntime --threads 1", 2);
}

export interface Measured {
  readonly engine: Engine;
  readonly threads: number;
  readonly how: How;
  /** Rounds made in each measurement. */
  readonly rounds: readonly number[];
  /** Load by other programs in each measurement, where the system counts it. */
  readonly loads: readonly (number | undefined)[];
}

export function settingOf({ engine, threads, how, rounds, loads }: Measured): Setting {
  const known = loads.filter((load) => load !== undefined);
  return {
    machine: describeMachine(),
    engine: engine.name,
    ...(engine.version !== undefined && { engineVersion: engine.version }),
    threads,
    warmUp: WARM_UP,
    rounds: Math.max(...rounds),
    seconds: how.seconds,
    within: how.within,
    clock: how.clock,
    ...(known.length > 0 && { othersLoad: Math.max(...known) }),
  };
}

/** What to do about a machine that is too noisy. @param error half-width reached @param others their load */
export function adviceOnNoise(error: number, others: number | undefined): string {
  const cause = others === undefined ? "" : ` (other programs used ${roughly(others)} of the processors meanwhile)`;
  return `${cause}; end other programs, or ask for less with --within ${wider(error)}, or for more rounds with --rounds`;
}

/** No decimals from 10 % on. */
export const roughly = (share: number): string => (share < 0.1 ? percent(share) : `${(100 * share).toFixed(0)} %`);
/** In per cent, a little more than the half-width reached. */
const wider = (share: number): string => String(Math.ceil(130 * share));
