import { join } from "node:path";
import type { TrainingEvent } from "../loggers/events.js";
import type { LoggedRun, OpenLogger, RunLogger } from "../loggers/logger.js";
import { openJsonl } from "./jsonl.js";

export const LOG_FILE = "log.jsonl";
/** The resolved config, beside the log. */
export const CONFIG_FILE = "config.yaml";

/** Writes a run's events to `log.jsonl` in its folder, and to its loggers. */
export interface RunLog {
  /** What was damaged in the log of a run that is resumed, for the user. */
  readonly remarks: readonly string[];
  write(event: TrainingEvent): void;
  /** Ends the loggers. An error of one does not keep the others from ending. */
  end(how: "done" | "failed"): Promise<void>;
}

export interface RunLogOptions extends LoggedRun {
  /** The step of the last validation that counts, of a run that is resumed: a later one is repeated. */
  readonly evaluatedStep?: number;
  readonly loggers: readonly OpenLogger[];
}

export async function openRunLog({ loggers, evaluatedStep, ...run }: RunLogOptions): Promise<RunLog> {
  const { remarks, ...lines } = await openLines(run, evaluatedStep);
  const opened: RunLogger[] = [lines];
  for (const open of loggers) opened.push(await open(run));
  return {
    remarks,
    write(event) {
      if (event.type === "progress") return;
      for (const logger of opened) logger.write(event);
    },
    async end(how) {
      const ends = await Promise.allSettled(opened.map((logger) => logger.end?.(how)));
      const failed = ends.find((result) => result.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    },
  };
}

/** The log that every run has, since what is done with runs reads it. */
async function openLines(
  { folder, resumeStep }: LoggedRun,
  evaluatedStep = resumeStep,
): Promise<RunLogger & { readonly remarks: readonly string[] }> {
  const keep = ({ type, step = 0, best, hook }: Readonly<Record<string, unknown>>): boolean => {
    const isOfEvaluation = type === "evaluation" || best === true || hook === "onEvaluate";
    const last = isOfEvaluation ? evaluatedStep : resumeStep;
    return typeof step === "number" && step <= (last ?? 0);
  };
  const lines = await openJsonl(join(folder, LOG_FILE), resumeStep === undefined ? {} : { keep });
  return {
    remarks: lines.remarks,
    write: (event) => lines.write({ ...event, time: new Date().toISOString() }),
  };
}
