import type { FuzzLimits } from "./limits.js";

export interface ChildTask {
  /** URL of a module with a table TARGETS, and the name of one of its targets. */
  readonly table: string;
  readonly name: string;
  readonly seed: number;
  /** Inputs `from` to `to` − 1. */
  readonly from: number;
  readonly to: number;
  readonly limits: FuzzLimits;
  /** For the target's own files. */
  readonly folder: string;
  readonly progress: string;
  /** One line of JSON per failure. */
  readonly failures: string;
  /** Why the process ended early. */
  readonly report: string;
  /** Write the first input to this file and try nothing. */
  readonly save?: string;
}

/** Exit codes: all inputs tried, or one over a limit. */
export const EXIT = { done: 0, over: 3 } as const;
