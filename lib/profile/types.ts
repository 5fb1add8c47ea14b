import type { KernelTime } from "../engines/engine.js";
import type { ProgressEvent } from "../progress.js";
import type { ClockName } from "./measure.js";
import type { Estimate } from "./statistics.js";

/** The cost of one run, counted on the graph that runs: folded, its constants computed. */
export interface Work {
  /** Of the model, before anything is folded. */
  readonly parameters: number;
  /** Multiply-adds of convolutions and matrix products. */
  readonly macs: number;
  /** Bytes of the outputs of all operators, as if none were fused. */
  readonly activationBytes: number;
  /** The least number of bytes that must be moved: inputs, outputs and parameters. */
  readonly movedBytes: number;
}

/** Latencies are milliseconds. */
export interface Part extends Work {
  readonly name: string;
  /** It ran only on the regions found, but its work is counted for the maximum number: there is no rate. */
  readonly truncated?: true;
  /** Absent where it was not steady enough for the interval asked for. */
  readonly latency?: Estimate;
}

export interface BlockPart extends Part {
  readonly stage: string;
}

/** One type of operator of densekit's graph. */
export interface OperatorWork extends Pick<Work, "macs" | "activationBytes"> {
  readonly name: string;
  readonly count: number;
}

/** What one model costs at one size of images. */
export interface ModelProfile {
  readonly model: string;
  readonly task: string;
  readonly classes: number;
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly total: Part & {
    /** Peak bytes of live activations. */
    readonly liveBytes: number;
    /** Peak resident memory of a process that only runs the model. */
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
  /** The blocks' sum in each round, and its ratio to the whole model's time in the same round. */
  readonly sumOfBlocks?: { readonly latency: Estimate; readonly overWhole: Estimate };
  readonly operators: readonly OperatorWork[];
  readonly kernels?: readonly KernelTime[];
  /** Measured in the same rounds; absent where only whole models are timed. */
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
  /** Maximum half-width of an interval, as a share of the median. */
  readonly within: number;
  readonly clock: ClockName;
  /** The share of the machine's processors used by other programs meanwhile; absent where the system does not count it. */
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

/** The machine's roofs with the same engine and threads. */
export interface Peaks {
  /** Of a large matrix product; a multiply-add counts as two. */
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

/** What `profile` measured. */
export interface ProfileResult {
  readonly setting: Setting;
  readonly profiles: readonly ModelProfile[];
  /** For each model but the first: its time ÷ the first's, round by round. */
  readonly comparison?: readonly Comparison[];
  /** The page written. */
  readonly out?: string;
}

/** The models that `profile` measures, and how. */
export interface ProfileOptions {
  /** Configs, or backbones by name as `findModel` takes them; several are compared, or profiled one after the other. */
  readonly models: readonly string[];
  /** Applied to every config: `a.b.c=value`. */
  readonly overrides?: readonly string[];
  /** Plugins of a packed model's config run only where this is true. */
  readonly allowPlugins?: boolean;
  /** Default 1. Every batch size is combined with every image size. */
  readonly batches?: readonly number[];
  /** Default the size of the config's test images. */
  readonly sizes?: readonly { readonly height: number; readonly width: number }[];
  /** Classes of the model; default those the config names, or those of COCO, ADE20K and ImageNet. */
  readonly classes?: number;
  /** Times the whole models in turn in one run, and gives each one's ratio to the first. */
  readonly compare?: boolean;
  /** Times only whole models. */
  readonly totalOnly?: boolean;
  /** Minimum number of rounds; default 10. Up to four times as many are made where the interval needs them. */
  readonly rounds?: number;
  /** How many seconds each program runs per round; default 0.05. */
  readonly seconds?: number;
  /** Maximum half-width of the interval of a whole model's latency, as a share of it; default 0.1. */
  readonly within?: number;
  /** Default "wall"; "processor" needs an engine with one thread. */
  readonly clock?: ClockName;
  /** Whether each model is also run in a process of its own, to measure its memory; default true. */
  readonly memory?: boolean;
  /** An HTML file with plots to write. */
  readonly out?: string;
  /** Overwrite a file that `out` names. */
  readonly force?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: ProgressEvent) => void;
}
