import type { EfficientFormerSize } from "../backbones/efficientformerSizes.js";
import type { Config } from "../config/schema.js";
import type { ProgressEvent } from "../progress.js";
import type { Baseline } from "./baselines.js";
import type { CostKind } from "./costs.js";
import type { MeasuredLatency } from "./measured.js";
import type { CostSource } from "./prices.js";
import type { Criterion } from "./search.js";
import type { Figures } from "./searchLog.js";

/** Slimming, or what it is compared with. */
export type Method = "slimming" | Baseline;

export interface SlimSearchOptions {
  /** Of the supernet. */
  readonly config: Config;
  /** The supernet's: a weights file, a checkpoint's folder, or a run's (its best weights). */
  readonly weights: string;
  readonly costs: CostSource;
  /** "12ms", "0.8x". */
  readonly targets: readonly string[];
  /** The folder to write to. */
  readonly out: string;
  /** Ways to search, one after the other; default slimming alone. */
  readonly methods?: readonly Method[];
  /** Networks that a baseline evaluates for a target; default 50. */
  readonly samples?: number;
  /** Default "accuracy". */
  readonly by?: Criterion;
  /** Of the baselines; default 0. */
  readonly seed?: number;
  /** Only so many of the validation set's images. */
  readonly images?: number;
  /** Whether what is found is timed, where the costs are a table of this machine; default true. */
  readonly measure?: boolean;
  /** Go on with the search that is in the folder, or begin one. */
  readonly resume?: boolean;
  /** Begin anew. */
  readonly restart?: boolean;
  /** Take a table that was measured for something else. */
  readonly force?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ProgressEvent) => void) | undefined;
}

/** A network of the result. Costs are milliseconds, multiply-adds, numbers or bytes. */
export interface SlimmedNetwork extends Figures {
  /** What found it; the start is the whole supernet's largest network. */
  readonly method: Method | "start";
  readonly target?: string;
  readonly size: EfficientFormerSize;
  /** Which MetaPaths it has. */
  readonly architecture: string;
  readonly macs: number;
  readonly parameters: number;
  readonly cost: number;
  /** The whole network's latency, at the speed the table is told at. */
  readonly measured?: MeasuredLatency;
  /** The file to train it with, and the weights it has in the supernet. */
  readonly config?: string;
  readonly weights?: string;
}

export interface SlimSearchResult {
  readonly out: string;
  readonly kind: CostKind;
  readonly source: string;
  readonly by: Criterion;
  readonly networks: readonly SlimmedNetwork[];
  /** The log of each way. */
  readonly logs: Readonly<Partial<Record<Method, string>>>;
  readonly page: string;
  readonly unreached: readonly { readonly method: Method; readonly target: string; readonly reason: string }[];
}
