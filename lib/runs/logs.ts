import { join } from "node:path";
import type { ArchitectureEvent, TrainingEvent } from "./events.js";
import { openJsonl } from "./jsonl.js";
import { openTensorBoard } from "./tensorboard.js";

export const LOG_FILE = "log.jsonl";
/** The resolved config, beside the log. */
export const CONFIG_FILE = "config.yaml";

/** Writes a run's events to `log.jsonl` and, as curves, to `tensorboard/` in the run's folder. */
export interface RunLog {
  /** What was damaged in the log of a run that is resumed, for the user. */
  readonly remarks: readonly string[];
  write(event: TrainingEvent): void;
}

export interface RunLogOptions {
  /** If the run is resumed, the last step that counts: later entries in the files are dropped. */
  readonly resumeStep?: number;
  /** The step of the last validation that then counts: a later one is repeated. */
  readonly evaluatedStep?: number;
  /** Text shown in TensorBoard: the resolved config. */
  readonly config?: string;
}

export async function openRunLog(
  run: string,
  { resumeStep, evaluatedStep = resumeStep, config }: RunLogOptions = {},
): Promise<RunLog> {
  const keep = ({ type, step = 0, best }: Readonly<Record<string, unknown>>): boolean => {
    const last = type === "evaluation" || best === true ? evaluatedStep : resumeStep;
    return typeof step === "number" && step <= (last ?? 0);
  };
  const lines = await openJsonl(join(run, LOG_FILE), resumeStep === undefined ? {} : { keep });
  const board = openTensorBoard(join(run, "tensorboard"), resumeStep === undefined ? {} : { resumeStep });
  if (config !== undefined) board.text(resumeStep ?? 0, "config", indented(config));
  return {
    remarks: lines.remarks,
    write(event) {
      if (event.type === "progress") return;
      lines.write({ ...event, time: new Date().toISOString() });
      if (event.type === "step") board.scalars(event.step, stepScalars(event));
      if (event.type === "architecture") board.scalars(event.step, architectureScalars(event));
      if (event.type === "evaluation") board.scalars(event.step, prefixed("validation/", event.metrics));
    },
  };
}

function stepScalars(event: Extract<TrainingEvent, { type: "step" }>): Record<string, number> {
  const { loss, losses, lr, gradientNorm, stepSeconds, dataSeconds } = event;
  return {
    "training/loss": loss,
    ...prefixed("losses/", losses),
    "training/lr": lr,
    ...(gradientNorm === undefined ? {} : { "training/gradientNorm": gradientNorm }),
    "time/step": stepSeconds,
    "time/data": dataSeconds,
  };
}

function architectureScalars({ temperature, paths, expectedLatency }: ArchitectureEvent): Record<string, number> {
  const shares = paths.map(({ stage, block, share }) => prefixed(`architecture/stage${stage}.block${block}/`, share));
  const expected = expectedLatency === undefined ? {} : { "architecture/expectedLatency": expectedLatency };
  return Object.assign({ "architecture/temperature": temperature }, expected, ...shares) as Record<string, number>;
}

function prefixed(prefix: string, values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [prefix + name, value]));
}

/** Makes a Markdown code block by indentation. */
function indented(text: string): string {
  return text.replace(/^/gm, "    ");
}
