import type { Size } from "./inputs.js";

/** What makes a training step faster, each with its switch in `bench/cases/ablation.ts`. */
export type Speedup = "minimal filtering" | "row blocks" | "covariance batch norm" | "uncopied outputs";

/** What a case is told, the same for our side and the peers; `path` is the image or the ONNX file. */
export interface CaseOptions {
  readonly variant: string;
  readonly size: Size;
  readonly batch: number;
  /** Objects an image, where there is a ground truth. */
  readonly objects: number;
  /** compiled: channels-last, by torch.compile. */
  readonly layout: "contiguous" | "channels-last" | "compiled";
  readonly path: string;
  readonly threads: number;
  /** Left off on our side, where it is one of a training step. */
  readonly without?: Speedup;
}

/** A case of ours, ready to run. Only `run` is timed. */
export interface PreparedCase {
  run(): Promise<void>;
  dispose(): Promise<void>;
  /** CRC-32 of the inputs (`checksum` of inputs.ts): the harness says so where the sides' inputs differ. */
  readonly checksum?: number;
  /** A figure of the last run's result by which both sides are compared, where they ought to agree. */
  check?(): number;
  /** What a reader of the table must know. */
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

/** … and its one line back: what the request asked for, or an error. */
export interface Reply {
  readonly error?: string;
  readonly checksum?: number | null;
  readonly ms?: readonly number[];
  readonly peakMb?: number;
  readonly check?: number | null;
  readonly note?: string;
}
