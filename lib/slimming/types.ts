import type { EfficientFormerSize } from "../backbones/efficientformerSizes.js";
import type { Config } from "../config/schema.js";
import type { ProgressEvent } from "../progress.js";
import type { Baseline } from "./baselines.js";
import type { CostKind } from "./costs.js";
import type { MeasuredLatency } from "./measured.js";
import type { CostSource } from "./prices.js";
import type { Criterion } from "./search.js";
import type { Figures } from "./searchLog.js";

/** Slimming, or a baseline that it is compared with. */
export type Method = "slimming" | Baseline;

/** The supernet that `slimSearch` makes smaller, and what it should cost in the end. */
export interface SlimSearchOptions {
  /** Of the supernet. */
  readonly config: Config;
  /** The supernet's: a weights file, a checkpoint's folder, or a run's folder (its best weights). */
  readonly weights: string;
  readonly costs: CostSource;
  /** "12ms", "0.8x". */
  readonly targets: readonly string[];
  /** The folder to write to. */
  readonly out: string;
  /** Search methods, run one after the other; default slimming alone. */
  readonly methods?: readonly Method[];
  /** Networks that a baseline evaluates per target; default 50. */
  readonly samples?: number;
  /** Default "accuracy". */
  readonly by?: Criterion;
  /** Of the baselines; default 0. */
  readonly seed?: number;
  /** Limit on the number of validation images. */
  readonly images?: number;
  /**
   * Batches of training images that give each network's batch norms statistics of their own before it is evaluated; 0 keeps the
   * supernet's. Default 4.
   */
  readonly calibration?: number;
  /** Whether to time the networks found, where the costs are a table of this machine; default true. */
  readonly measure?: boolean;
  /** Continue the search in the folder, or start one. */
  readonly resume?: boolean;
  /** Start over. */
  readonly restart?: boolean;
  /** Accept a table that was measured for something else. */
  readonly force?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ProgressEvent) => void) | undefined;
}

/** A network of the result. Costs are milliseconds, multiply-adds, parameters or bytes. */
export interface SlimmedNetwork extends Figures {
  /** The method that found it; "start" for the supernet's largest network. */
  readonly method: Method | "start";
  readonly target?: string;
  readonly size: EfficientFormerSize;
  /** The choices of its MetaPaths. */
  readonly architecture: string;
  readonly macs: number;
  readonly parameters: number;
  readonly cost: number;
  /** The whole network's latency, scaled to the speed of the table. */
  readonly measured?: MeasuredLatency;
  /** The config to train it with, and the weights it has in the supernet. */
  readonly config?: string;
  readonly weights?: string;
}

/** The networks that `slimSearch` found. */
export interface SlimSearchResult {
  readonly out: string;
  readonly kind: CostKind;
  readonly source: string;
  readonly by: Criterion;
  readonly networks: readonly SlimmedNetwork[];
  /** The log of each method. */
  readonly logs: Readonly<Partial<Record<Method, string>>>;
  readonly page: string;
  readonly unreached: readonly { readonly method: Method; readonly target: string; readonly reason: string }[];
}
