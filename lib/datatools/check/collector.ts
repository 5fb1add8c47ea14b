import { type Attempt, DataFault, type Place, placeName } from "../../datasets/fault.js";
import { UserError } from "../../errors.js";
import { groupOf } from "./order.js";
import type { Problem } from "./types.js";

/** Collects the problems of one data set. */
export interface Collector {
  /** At most `MOST_LISTED` of each kind, followed by one that says how many there are. */
  readonly problems: readonly Problem[];
  /** The number of errors, listed or not. */
  readonly errors: number;
  readonly warnings: number;
  /** With this many problems, a check ends with `TooManyFaults`. */
  stopAt(count: number): void;
  /** Makes a reader's check; a fault becomes an error in the list. */
  readonly attempt: Attempt;
  attemptAsync<T>(check: () => Promise<T>): Promise<T | undefined>;
  add(severity: Problem["severity"], kind: Problem["kind"], place: Place, message: string): void;
  /** Makes a check that throws a plain error: its fault gets this kind and place. */
  attemptAt<T>(kind: Problem["kind"] | (() => Problem["kind"]), place: Place, check: () => T): T | undefined;
}

/** A damaged list of a few megabytes can hold a million faults: all are counted, this many are kept. */
const MOST_LISTED = 10_000;

/** Ends a check: the file is not of the expected kind. */
export class TooManyFaults extends Error {}

export function createCollector(set: string): Collector {
  const problems: Problem[] = [];
  const kinds = new Map<string, { readonly first: Problem; count: number }>();
  const totals = { error: 0, warning: 0 };
  let most = Number.POSITIVE_INFINITY;
  const ofFiles = new Set<string>();
  const add: Collector["add"] = (severity, kind, { file, entry }, message) => {
    // Several checks read the same folder or file and find the same fault.
    const line = `${severity} ${kind} ${file}: ${message}`;
    if (entry === undefined && ofFiles.has(line)) return;
    if (entry === undefined) ofFiles.add(line);
    const problem = { severity, kind, set, file, ...(entry !== undefined && { entry }), message };
    const ofKind = kinds.get(groupOf(problem)) ?? { first: problem, count: 0 };
    kinds.set(groupOf(problem), ofKind);
    if (++ofKind.count <= MOST_LISTED) problems.push(problem);
    totals[severity]++;
  };
  const unlisted = (): Problem[] =>
    [...kinds.values()]
      .filter(({ count }) => count > MOST_LISTED)
      .map(({ first: { severity, kind, file }, count }) => {
        const message = `${count - MOST_LISTED} more of this kind are not listed`;
        return { severity, kind, set, file, message };
      });
  const note = (error: unknown): undefined => {
    if (error instanceof DataFault) add("error", error.kind, error.place, error.reason);
    else if (error instanceof UserError) add("error", "file", ...splitFile(error.message));
    else throw error;
  };
  return {
    get problems() {
      return [...problems, ...unlisted()];
    },
    get errors() {
      return totals.error;
    },
    get warnings() {
      return totals.warning;
    },
    stopAt(count) {
      most = totals.error + totals.warning + count;
    },
    add,
    attempt(check) {
      if (totals.error + totals.warning >= most) throw new TooManyFaults();
      // Stack traces of faults are not shown, and taking one takes longer than the check.
      const { stackTraceLimit } = Error;
      Error.stackTraceLimit = 0;
      try {
        return check();
      } catch (error) {
        return note(error);
      } finally {
        Error.stackTraceLimit = stackTraceLimit;
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
        add("error", typeof kind === "function" ? kind() : kind, place, withoutPrefix(error.message, placeName(place)));
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
