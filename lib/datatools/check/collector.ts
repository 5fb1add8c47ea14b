import { type Attempt, DataFault, type Place, placeName } from "../../datasets/fault.js";
import { UserError } from "../../errors.js";
import type { Problem } from "./types.js";

/** Where the problems of one data set are gathered. */
export interface Collector {
  readonly problems: readonly Problem[];
  /** Makes a reader's check; a fault becomes an error in the list. */
  readonly attempt: Attempt;
  attemptAsync<T>(check: () => Promise<T>): Promise<T | undefined>;
  add(severity: Problem["severity"], kind: Problem["kind"], place: Place, message: string): void;
  /** Makes a check of which only the words are known: its fault is of this kind and place. */
  attemptAt<T>(kind: Problem["kind"], place: Place, check: () => T): T | undefined;
}

export function createCollector(set: string): Collector {
  const problems: Problem[] = [];
  const ofFiles = new Set<string>();
  const add: Collector["add"] = (severity, kind, { file, entry }, message) => {
    // Several checks read the same folder or file, and meet the same fault.
    const line = `${severity} ${kind} ${file}: ${message}`;
    if (entry === undefined && ofFiles.has(line)) return;
    if (entry === undefined) ofFiles.add(line);
    problems.push({ severity, kind, set, file, ...(entry !== undefined && { entry }), message });
  };
  const note = (error: unknown): undefined => {
    if (error instanceof DataFault) add("error", error.kind, error.place, error.reason);
    else if (error instanceof UserError) add("error", "file", ...splitFile(error.message));
    else throw error;
  };
  return {
    problems,
    add,
    attempt(check) {
      try {
        return check();
      } catch (error) {
        return note(error);
      }
    },
    async attemptAsync(check) {
      try {
        return await check();
      } catch (error) {
        return note(error);
      }
    },
    attemptAt(kind, place, check) {
      try {
        return check();
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        add("error", kind, place, withoutPrefix(error.message, placeName(place)));
        return undefined;
      }
    },
  };
}

function withoutPrefix(message: string, prefix: string): string {
  return message.startsWith(`${prefix}: `) ? message.slice(prefix.length + 2) : message;
}

/** Messages on files begin with their names: "PATH: …" or "cannot read PATH: …". */
function splitFile(message: string): [Place, string] {
  const [, verb = "", file = "", rest = message] = /^(cannot read )?(.*?): (.*)$/s.exec(message) ?? [];
  return [{ file }, verb === "" ? rest : `cannot be read: ${rest}`];
}
