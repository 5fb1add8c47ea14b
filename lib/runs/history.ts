import { UserError } from "../errors.js";
import { readTextFile } from "../files.js";
import type { TrainingEvent } from "./events.js";

type EventOf<Type extends TrainingEvent["type"]> = Extract<TrainingEvent, { readonly type: Type }>;

/** The contents of a run's log, in order of the steps. */
export interface TrainingHistory {
  /** The last start: a resumed run has several. */
  readonly start: EventOf<"start"> | undefined;
  readonly steps: readonly EventOf<"step">[];
  readonly evaluations: readonly EventOf<"evaluation">[];
  /** What a supernet chose. */
  readonly architectures: readonly EventOf<"architecture">[];
}

/**
 * Reads a run's log.jsonl. An unfinished last line, as in a running or killed run, is left out.
 *
 * @throws UserError naming the line that is not an event
 */
export async function readHistory(path: string): Promise<TrainingHistory> {
  const lines = (await readTextFile(path)).split("\n");
  const whole = lines.slice(0, -1); // what follows the last line break is empty or unfinished
  const events = whole.flatMap((line, i) => (line.trim() === "" ? [] : [parseEvent(line, `${path}:${i + 1}`)]));
  return {
    start: events.findLast((event) => event.type === "start"),
    steps: events.filter((event) => event.type === "step"),
    evaluations: events.filter((event) => event.type === "evaluation"),
    architectures: events.filter((event) => event.type === "architecture"),
  };
}

function parseEvent(line: string, where: string): TrainingEvent {
  try {
    const event: unknown = JSON.parse(line);
    if (isEvent(event)) return event;
  } catch {}
  throw new UserError(
    `${where}: not an event of a training log: ${line.slice(0, 60)}; delete the line, or restore the file`,
  );
}

function isEvent(value: unknown): value is TrainingEvent {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  const has = (name: string, type: string): boolean =>
    typeof Object.entries(value).find(([key]) => key === name)?.[1] === type;
  if (value.type === "step") return ["step", "lr", "stepSeconds", "dataSeconds"].every((name) => has(name, "number"));
  if (value.type === "evaluation") return has("step", "number") && has("metrics", "object");
  if (value.type === "architecture") return has("step", "number") && has("temperature", "number") && has("paths", "object");
  return typeof value.type === "string";
}
