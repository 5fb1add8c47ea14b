import cliProgress from "cli-progress";
import type { TrainingEvent } from "../loggers/events.js";
import { totalLoss } from "../tasks/losses.js";
import { counted } from "../words.js";
import type { Context, ErrorStream } from "./context.js";
import { duration, figure } from "./table.js";

/** Shows events on stderr: as a bar on a terminal, otherwise as a line now and then. */
export interface Progress {
  show(event: TrainingEvent): void;
  /** Removes the bar from the screen. */
  stop(): void;
}

export interface ProgressOptions {
  readonly stream: ErrorStream;
  /** Steps between lines without a terminal; the losses shown are means over that many steps. */
  readonly every: number;
}

/** What long-running work gets: a signal to stop, and a function to report progress to. */
export interface Watch {
  readonly signal: AbortSignal;
  readonly onEvent: (event: TrainingEvent) => void;
}

/** Runs long work and shows its progress on stderr. @param every as in `ProgressOptions` */
export async function showing<T>(
  { stderr, signal }: Pick<Context, "stderr" | "signal">,
  work: (watch: Watch) => Promise<T>,
  every = 1,
): Promise<T> {
  const progress = createProgress({ stream: stderr, every });
  try {
    return await work({ signal, onEvent: progress.show });
  } finally {
    progress.stop();
  }
}

type StepEvent = Extract<TrainingEvent, { type: "step" }>;

export function createProgress({ stream, every }: ProgressOptions): Progress {
  const bar = stream.isTTY ? createBar(stream) : undefined;
  const line = (text: string) => {
    bar?.clear();
    stream.write(`${text}\n`);
  };
  let steps = 0;
  const pace = meanOfLast(PACE_STEPS);
  const losses = meanLosses(every);
  let isFirst = true;
  const bytes = megabytesOf();
  const isNextTenth = tenths();
  return {
    show(event) {
      switch (event.type) {
        case "start":
          steps = event.steps;
          line(startLine(event));
          return;
        case "step": {
          const mean = losses(event.losses);
          // The first step of a process compiles; its time says nothing about later ones.
          const seconds = isFirst ? undefined : pace(event.stepSeconds);
          isFirst = false;
          const text = stepText(event, { losses: mean, seconds, stepsLeft: steps - event.step });
          if (bar !== undefined) bar.show(event.step, steps, text);
          else if (event.step % every === 0 || event.step === steps) line(`step ${event.step}/${steps}  ${text}`);
          return;
        }
        case "progress":
          if (event.unit === "bytes") {
            const { done, total, text } = bytes(event);
            if (bar !== undefined) bar.show(done, total, text);
            else if (isNextTenth(event)) line(`${done}/${total} ${text}`);
            return;
          }
          if (bar !== undefined) bar.show(event.done, event.total, event.what);
          else if (isTenth(event.done, event.total)) line(`${event.what} ${event.done}/${event.total}`);
          return;
        case "architecture":
        case "metrics":
          return; // in the log
        case "evaluation":
          line(`step ${event.step}  validation  ${pairs(event.metrics)}`);
          return;
        case "checkpoint":
          line(`step ${event.step}  saved ${event.path}${event.best ? " (the best so far)" : ""}`);
          return;
        case "message":
          line(event.text);
      }
    },
    stop() {
      bar?.clear();
    },
  };
}

type Counted = Extract<TrainingEvent, { type: "progress" }>;

/** Megabytes, and how long the rest takes at the pace so far. */
function megabytesOf(): (event: Counted) => { readonly done: number; readonly total: number; readonly text: string } {
  const starts = new Map<string, { readonly time: number; readonly done: number }>();
  return ({ what, done, total }) => {
    const now = performance.now();
    const start = starts.get(what) ?? { time: now, done };
    starts.set(what, start);
    const pace = (done - start.done) / (now - start.time);
    const left = pace > 0 && done < total ? `  ${duration((total - done) / pace / 1000)} left` : "";
    const whole = Math.ceil(total / 1e6);
    return { done: done === total ? whole : Math.floor(done / 1e6), total: whole, text: `MB  ${what}${left}` };
  };
}

/** Whether another tenth is done: what is counted may come in large pieces. */
function tenths(): (event: Counted) => boolean {
  const seen = new Map<string, number>();
  return ({ what, done, total }) => {
    const tenth = Math.floor((10 * done) / total);
    const isNext = tenth > (seen.get(what) ?? 0);
    if (isNext) seen.set(what, tenth);
    return isNext;
  };
}

function createBar(stream: ErrorStream) {
  const create = () =>
    new cliProgress.SingleBar({
      stream: stream as NodeJS.WriteStream,
      format: "{bar} {value}/{total}  {text}",
      barsize: 20,
      barCompleteChar: "█",
      barIncompleteChar: "░",
      hideCursor: true,
      clearOnComplete: true,
      linewrap: false,
    });
  let bar: cliProgress.SingleBar | undefined;
  return {
    show(done: number, total: number, text: string) {
      if (bar === undefined) {
        bar = create();
        bar.start(total, done, { text });
      }
      bar.setTotal(total);
      bar.update(done, { text });
    },
    clear() {
      bar?.stop();
      bar = undefined;
    },
  };
}

/** The mean time of this many steps is shown and used to predict the rest. */
const PACE_STEPS = 20;

/** The mean of the last `count` values given. */
function meanOfLast(count: number): (value: number) => number {
  const values: number[] = [];
  return (value) => {
    values.push(value);
    if (values.length > count) values.shift();
    return values.reduce((a, b) => a + b, 0) / values.length;
  };
}

/** The means of each part of the loss over the last `count` steps. */
function meanLosses(count: number): (losses: StepEvent["losses"]) => StepEvent["losses"] {
  const means = new Map<string, (value: number) => number>();
  return (losses) => {
    const entries = Object.entries(losses).map(([name, value]) => {
      const mean = means.get(name) ?? meanOfLast(count);
      means.set(name, mean);
      return [name, mean(value)] as const;
    });
    return Object.fromEntries(entries);
  };
}

function startLine(event: Extract<TrainingEvent, { type: "start" }>): string {
  const { run, steps, doneSteps, stepsPerEpoch, parameters } = event;
  const from = doneSteps === 0 ? "" : `, from step ${doneSteps}`;
  const passes = steps / stepsPerEpoch;
  const epochs = passes < 1 ? passes.toPrecision(1) : passes.toFixed(1);
  return `training ${(parameters / 1e6).toFixed(2)} M parameters for ${counted(steps, "step")} (${counted(Number(epochs), "epoch")})${from}; run folder ${run}`;
}

interface StepMeans {
  readonly losses: StepEvent["losses"];
  /** Seconds per step; undefined if only the first was taken. */
  readonly seconds: number | undefined;
  readonly stepsLeft: number;
}

function stepText({ lr, dataSeconds }: StepEvent, { losses, seconds, stepsLeft }: StepMeans): string {
  const parts = Object.keys(losses).length > 1 ? ` (${pairs(losses)})` : "";
  const data = dataSeconds >= 0.0005 ? `, ${dataSeconds.toFixed(2)} waiting for data` : "";
  const pace =
    seconds === undefined ? "" : `  ${seconds.toFixed(2)} s a step${data}  ${duration(seconds * stepsLeft)} left`;
  return `loss ${figure(totalLoss(losses))}${parts}  lr ${lr.toExponential(2)}${pace}`;
}

function pairs(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${figure(value)}`)
    .join(", ");
}

function isTenth(done: number, total: number): boolean {
  return done === total || Math.floor((10 * done) / total) > Math.floor((10 * (done - 1)) / total);
}
