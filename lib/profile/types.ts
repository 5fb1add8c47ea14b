import type { KernelTime } from "../engines/engine.js";
import type { ProgressEvent } from "../progress.js";
import type { ClockName } from "./measure.js";
import type { Estimate } from "./statistics.js";

/** What running something once takes, by its graph as it is run: folded, its constants computed. */
export interface Work {
  /** Learnt numbers of the model, before anything is folded. */
  readonly parameters: number;
  /** Multiply-adds of convolutions and matrix products. */
  readonly macs: number;
  /** Bytes of all that its operators give, as if none were fused. */
  readonly activationBytes: number;
  /** Bytes that must be moved at the least: what comes in, what goes out, and the parameters. */
  readonly movedBytes: number;
}

/** Latencies are milliseconds. */
export interface Part extends Work {
  readonly name: string;
  /** It ran on as many regions as were found, and its work is counted for all that there may be: there is no rate. */
  readonly truncated?: true;
  /** Absent where it was not steady enough for the interval asked for. */
  readonly latency?: Estimate;
}

export interface BlockPart extends Part {
  readonly stage: string;
}

/** One kind of operator of densekit's graph. */
export interface OperatorWork extends Pick<Work, "macs" | "activationBytes"> {
  readonly name: string;
  readonly count: number;
}

export interface ModelProfile {
  readonly model: string;
  readonly task: string;
  readonly classes: number;
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly total: Part & {
    /** The most bytes of activations that are needed at one time. */
    readonly liveBytes: number;
    /** Resident memory of a process that does nothing but run the model, at its most. */
    readonly peakMemoryBytes?: number;
    /** Of the same process before it opened the model. */
    readonly nodeMemoryBytes?: number;
    readonly latency: Estimate;
    /** The median of each round's runs. */
    readonly rounds: readonly number[];
  };
  /** Each a program of its own; the stem first. */
  readonly stages?: readonly Part[];
  readonly blocks?: readonly BlockPart[];
  /** The blocks' sum in each round, and over the whole model's time in the same round. */
  readonly sumOfBlocks?: { readonly latency: Estimate; readonly overWhole: Estimate };
  readonly operators: readonly OperatorWork[];
  readonly kernels?: readonly KernelTime[];
  /** Measured in the same rounds; absent where whole models alone are timed. */
  readonly peaks?: Peaks;
}

/** Where and how it was measured. */
export interface Setting {
  readonly machine: Machine;
  readonly engine: string;
  readonly engineVersion?: string;
  readonly threads: number;
  readonly warmUp: number;
  readonly rounds: number;
  readonly seconds: number;
  /** Half an interval's width at most, as a share of the median. */
  readonly within: number;
  readonly clock: ClockName;
  /** The share of the machine's processors that others used meanwhile; absent where the system does not tell. */
  readonly othersLoad?: number;
}

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  readonly densekit: string;
}

/** What the machine reaches at best with the same engine and threads. */
export interface Peaks {
  /** Of a large matrix product; a multiply-add is two. */
  readonly flopsPerSecond: number;
  /** Of a copy: bytes read and written. */
  readonly bytesPerSecond: number;
}

export interface Comparison {
  readonly model: string;
  readonly over: string;
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly ratio: Estimate;
}

export interface ProfileResult {
  readonly setting: Setting;
  readonly profiles: readonly ModelProfile[];
  /** Of each model but the first: its time over the first's, round by round. */
  readonly comparison?: readonly Comparison[];
  /** The page written. */
  readonly out?: string;
}

export interface ProfileOptions {
  /** Configs, or backbones by name as `findModel` takes them; several are compared, or profiled one after the other. */
  readonly models: readonly string[];
  /** Of every config, `a.b.c=value`. */
  readonly overrides?: readonly string[];
  /** Default 1. Every batch is tried with every size. */
  readonly batches?: readonly number[];
  /** Default the size of the config's test images. */
  readonly sizes?: readonly { readonly height: number; readonly width: number }[];
  /** Classes of the model; default those the config names, or those of COCO, ADE20K and ImageNet. */
  readonly classes?: number;
  /** Times the models in turn in one run, whole, and tells each one's ratio to the first. */
  readonly compare?: boolean;
  /** Times whole models alone. */
  readonly totalOnly?: boolean;
  /** Rounds made in any case; default 10. Up to four times as many are made where the interval needs them. */
  readonly rounds?: number;
  /** The time each program runs in a round; default 0.05. */
  readonly seconds?: number;
  /** Half the interval of a whole model's latency at most, as a share of it; default 0.1. */
  readonly within?: number;
  /** Default the wall's; the processor's needs an engine of one thread. */
  readonly clock?: ClockName;
  /** Whether each model is run in a process of its own too, for its memory; default true. */
  readonly memory?: boolean;
  /** An HTML file with plots to write. */
  readonly out?: string;
  /** Overwrite a file that `out` names. */
  readonly force?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: ProgressEvent) => void;
}
