import type { Shape } from "../../graph/index.js";
import type { ProgressEvent } from "../../progress.js";
import type { How } from "../setting.js";
import type { Estimate } from "../statistics.js";
import type { Setting, Work } from "../types.js";

export interface VariantResult extends Work {
  readonly label: string;
  /** As in the sentence. */
  readonly name: string;
  readonly input: Shape;
  readonly output: Shape;
  /** Milliseconds; absent where it was not steady enough for the interval asked for. */
  readonly latency?: Estimate;
  /** For every variant but the first: its time ÷ the first's, round by round. Absent where the machine was too noisy. */
  readonly ratio?: Estimate;
  readonly paper?: "slower";
}

export interface ExperimentResult {
  readonly title: string;
  readonly variants: readonly VariantResult[];
  /** The result, with ratios and their intervals. */
  readonly sentence: string;
}

export interface ObservationResult {
  readonly name: string;
  readonly title: string;
  readonly paper: string;
  readonly experiments: readonly ExperimentResult[];
}

/** What `observe` measured. */
export interface ObserveResult {
  readonly setting: Setting;
  readonly observations: readonly ObservationResult[];
  /** How many ratios are not known to the interval asked for, out of how many, and what to do about it. */
  readonly tooNoisy?: { readonly ratios: number; readonly of: number; readonly advice: string };
  /** The page written. */
  readonly out?: string;
}

/** Which observations `observe` repeats, and how. */
export interface ObserveOptions extends Partial<How> {
  /** Names of observations; default all four. */
  readonly only?: readonly string[];
  /** Of the config's engine: `engine.type=tfjs`. */
  readonly overrides?: readonly string[];
  /** An HTML file with plots to write. */
  readonly out?: string;
  /** Overwrite a file that `out` names. */
  readonly force?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: ProgressEvent) => void;
}
