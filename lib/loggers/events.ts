import type { ProgressEvent } from "../progress.js";

/** What a supernet chooses after a step. */
export interface ArchitectureEvent {
  readonly type: "architecture";
  readonly step: number;
  readonly temperature: number;
  /** Of each place where a block may be, in the order the image passes them. */
  readonly paths: readonly {
    /** Counted from 1. */
    readonly stage: number;
    readonly block: number;
    /** α of each choice, and its share at this temperature without noise. */
    readonly alpha: Readonly<Record<string, number>>;
    readonly share: Readonly<Record<string, number>>;
  }[];
  /** Milliseconds, of a network drawn by the shares; where the config names a table of latencies. */
  readonly expectedLatency?: number;
}

/** What a training run reports while it is running. Steps count optimiser updates; the first is 1. */
export type TrainingEvent =
  | {
      readonly type: "start";
      /** The run's folder. */
      readonly run: string;
      /** Steps of the whole run. */
      readonly steps: number;
      /** Steps done before, if the run is resumed; otherwise 0. */
      readonly doneSteps: number;
      readonly stepsPerEpoch: number;
      readonly parameters: number;
    }
  | {
      readonly type: "step";
      readonly step: number;
      /** Passes over the training set begun before this step, from 0. */
      readonly epoch: number;
      /** The sum of `losses`. */
      readonly loss: number;
      readonly losses: Readonly<Record<string, number>>;
      readonly lr: number;
      /** Norm of the gradient before any clipping. */
      readonly gradientNorm?: number;
      /** Wall time of the step, waiting for data included. */
      readonly stepSeconds: number;
      readonly dataSeconds: number;
    }
  | {
      readonly type: "evaluation";
      readonly step: number;
      readonly epoch: number;
      readonly metrics: Readonly<Record<string, number>>;
    }
  | {
      /** What hooks added to the log. */
      readonly type: "metrics";
      readonly step: number;
      /** The hook that did. */
      readonly hook: "onStep" | "onEvaluate" | "onCheckpoint";
      readonly metrics: Readonly<Record<string, number>>;
    }
  | ArchitectureEvent
  | { readonly type: "checkpoint"; readonly step: number; readonly path: string; readonly best: boolean }
  | ProgressEvent;
