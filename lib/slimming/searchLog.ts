import { existsSync } from "node:fs";
import { UserError } from "../errors.js";
import { readTextFile } from "../files.js";
import { openJsonl } from "../runs/jsonl.js";
import { type Architecture, nameOf } from "./architecture.js";

/** Metrics of a network with the supernet's weights on held-out data. */
export interface Figures {
  /** 0 … 1, higher is better. */
  readonly accuracy: number;
  /** Lower is better; present if asked for. */
  readonly loss?: number;
}

export type Evaluate = (architecture: Architecture) => Promise<Figures>;

/**
 * The log of a search, which is also its state: a search that is started again over its log repeats the logged steps without
 * evaluating anything again, and continues where the log ends. So a search that was killed and resumed ends with the same
 * log as one that was not.
 */
export interface SearchLog {
  /** @throws UserError where the log has another entry in this place */
  record(entry: Readonly<Record<string, unknown>>): void;
  /** A network's metrics, evaluated once. */
  figuresOf(architecture: Architecture): Promise<Figures>;
}

export interface SearchLogOptions {
  readonly evaluate: Evaluate;
  /** Continue with the existing log; otherwise it is overwritten. */
  readonly resume: boolean;
}

/** @throws UserError where the existing log cannot be read */
export async function openSearchLog(path: string, { evaluate, resume }: SearchLogOptions): Promise<SearchLog> {
  const log = await openJsonl(path, resume ? { keep: () => true } : {});
  const before = resume && existsSync(path) ? linesOf(await readTextFile(path)) : [];
  const known = new Map<string, Figures>();
  let at = 0;
  const record: SearchLog["record"] = (entry) => {
    const line = before[at];
    if (line === undefined) log.write(entry);
    else if (line !== JSON.stringify(entry)) {
      throw new UserError(
        `${path}:${at + 1}: this is the log of another search (other weights, costs, targets or options); ` +
          "start over with --restart, or choose another folder with --out",
      );
    }
    at++;
  };
  return {
    record,
    async figuresOf(architecture) {
      const name = nameOf(architecture);
      const found = known.get(name);
      if (found !== undefined) return found;
      const { accuracy, loss } = evaluationIn(before[at], name) ?? (await evaluate(architecture));
      const figures: Figures = { accuracy, ...(loss !== undefined && { loss }) };
      record({ type: "evaluation", architecture: name, ...figures });
      known.set(name, figures);
      return figures;
    },
  };
}

const linesOf = (text: string): string[] => text.split("\n").filter((line) => line !== "");

/** The metrics in a line of the log; undefined if it is not about this network. */
function evaluationIn(line: string | undefined, name: string): Figures | undefined {
  if (line === undefined) return undefined;
  const { type, architecture, accuracy, loss } = JSON.parse(line) as Readonly<Record<string, unknown>>;
  if (type !== "evaluation" || architecture !== name || typeof accuracy !== "number") return undefined;
  return { accuracy, ...(typeof loss === "number" && { loss }) };
}
