import { z } from "zod";
import { UserError } from "../errors.js";
import { readTextFile } from "../files.js";

const number = z.int().min(0);
/** JSON has no NaN and no infinity; they are written as null. */
const figure = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const figures = z.record(z.string(), figure);

/** The events that are read back, as `TrainingEvent` has them; others may stand in a log too. */
const EVENTS = {
  start: z.object({
    type: z.literal("start"),
    steps: number,
    doneSteps: number,
    stepsPerEpoch: number,
    parameters: number,
  }),
  step: z.object({
    type: z.literal("step"),
    step: number,
    epoch: number,
    loss: figure.default(Number.NaN),
    losses: figures.default({}),
    lr: figure,
    gradientNorm: figure.exactOptional(),
    stepSeconds: figure,
    dataSeconds: figure,
  }),
  architecture: z.object({
    type: z.literal("architecture"),
    step: number,
    temperature: figure,
    expectedLatency: figure.exactOptional(),
    paths: z.array(z.object({ stage: number, block: number, alpha: figures, share: figures })),
  }),
  evaluation: z.object({ type: z.literal("evaluation"), step: number, epoch: number, metrics: figures }),
};

type EventOf<Type extends keyof typeof EVENTS> = z.output<(typeof EVENTS)[Type]>;

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
  const text = await readTextFile(
    path,
    "the training log is damaged: it is not UTF-8 text; restore the file, or delete it to do without the training's curves",
  );
  const whole = text.split("\n").slice(0, -1); // what follows the last line break is empty, or unfinished
  const events = whole.flatMap((line, i) => (line.trim() === "" ? [] : [parseEvent(line, `${path}:${i + 1}`)]));
  return {
    start: events.findLast((event) => event?.type === "start"),
    steps: events.filter((event) => event?.type === "step"),
    evaluations: events.filter((event) => event?.type === "evaluation"),
    architectures: events.filter((event) => event?.type === "architecture"),
  };
}

/** @returns undefined for an event of another kind */
function parseEvent(line: string, where: string): EventOf<keyof typeof EVENTS> | undefined {
  try {
    const event: unknown = JSON.parse(line);
    const type = typeof event === "object" && event !== null && "type" in event ? event.type : undefined;
    if (isRead(type)) return EVENTS[type].parse(event);
    if (typeof type === "string") return undefined;
  } catch {}
  throw new UserError(
    `${where}: not an event of a training log: ${line.slice(0, 60)}; delete the line, or restore the file`,
  );
}

const isRead = (type: unknown): type is keyof typeof EVENTS => typeof type === "string" && Object.hasOwn(EVENTS, type);
