import type { z } from "zod";
import type { KindSchema } from "../schemas/kinds.js";
import type { TrainingEvent } from "./events.js";

/** Where a run's events go, besides its `log.jsonl`. */
export interface RunLogger {
  /** Takes in an event of the run, in their order; what takes long is done meanwhile, for training waits. An error ends training. */
  write(event: TrainingEvent): void;
  /** Called once, when training ends, however it does; what is left is written. */
  end?(how: "done" | "failed"): Promise<void>;
}

/** The run that is logged. */
export interface LoggedRun {
  /** Its folder. */
  readonly folder: string;
  /** The resolved config, as YAML. */
  readonly config: string;
  /** The last step that counts of a run that is resumed: what was logged of later ones is repeated. */
  readonly resumeStep?: number;
  /** Tells the user something. */
  say(text: string): void;
}

/** Begins to log a run. */
export type OpenLogger = (run: LoggedRun) => RunLogger | Promise<RunLogger>;

/** A logger that configs may name. */
export interface LoggerKind<Schema extends z.ZodType = KindSchema> {
  /** Its keys, their meaning and their defaults, which are nowhere else. */
  readonly schema: Schema;
  open(config: z.output<Schema>, run: LoggedRun): RunLogger | Promise<RunLogger>;
}

/** Describes a logger; the types follow from the schema. */
export const loggerKind = <Schema extends z.ZodType>(kind: LoggerKind<Schema>): LoggerKind<Schema> => kind;
