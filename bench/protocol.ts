import type { Size } from "./inputs.js";

/** Speed-ups of a training step, each with its switch in `bench/cases/ablation.ts`. */
export type Speedup = "minimal filtering" | "row blocks" | "covariance batch norm" | "uncopied outputs";

/** The options of a case, the same for our side and the peers; `path` is the image or the ONNX file. */
export interface CaseOptions {
  readonly variant: string;
  readonly size: Size;
  readonly batch: number;
  /** Objects per image, if there is a ground truth. */
  readonly objects: number;
  /** compiled: channels-last, by torch.compile. */
  readonly layout: "contiguous" | "channels-last" | "compiled";
  readonly path: string;
  readonly threads: number;
  /** The training speed-up switched off on our side. */
  readonly without?: Speedup;
}

/** A case of ours, ready to run. Only `run` is timed. */
export interface PreparedCase {
  run(): Promise<void>;
  dispose(): Promise<void>;
  /** CRC-32 of the inputs (`checksum` of inputs.ts): the harness reports where the sides' inputs differ. */
  readonly checksum?: number;
  /** A number computed from the last run's result, compared where both sides should agree. */
  check?(): number;
  /** A remark for readers of the table. */
  note?(): string;
}

/** What a module bench/cases/NAME.ts exports as `prepare`. */
export type Prepare = (options: CaseOptions) => Promise<PreparedCase>;

/** One line of JSON to a contestant's process … */
export type Request =
  | { readonly cmd: "prepare"; readonly case: string; readonly options: Partial<CaseOptions> }
  | { readonly cmd: "run"; readonly seconds: number }
  | { readonly cmd: "report" }
  | { readonly cmd: "export"; readonly model: string; readonly options: Partial<CaseOptions> };

/** … and its answer in one line: what the request asked for, or an error. */
export interface Reply {
  readonly error?: string;
  readonly checksum?: number | null;
  readonly ms?: readonly number[];
  readonly peakMb?: number;
  readonly check?: number | null;
  readonly note?: string;
}
