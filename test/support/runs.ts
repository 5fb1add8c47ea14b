import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { resolveConfig } from "../../lib/config/load.js";
import type { Config, ConfigInput } from "../../lib/config/schema.js";
import type { TrainingEvent } from "../../lib/loggers/events.js";
import { type TrainOptions, type TrainResult, train } from "../../lib/training/train.js";

export type StepEvent = Extract<TrainingEvent, { type: "step" }>;

/** Trains and collects the events. */
export async function trainQuietly(
  input: ConfigInput,
  overrides: readonly string[] = [],
  options: Partial<TrainOptions> = {},
): Promise<{ config: Config; result: TrainResult; events: TrainingEvent[] }> {
  const { config } = resolveConfig(input, { overrides });
  const events: TrainingEvent[] = [];
  const onEvent = (event: TrainingEvent) => {
    events.push(event);
    options.onEvent?.(event);
  };
  return { config, result: await train({ ...options, config, onEvent }), events };
}

export const messagesOf = (events: readonly TrainingEvent[]): string =>
  events.flatMap((event) => (event.type === "message" ? [event.text] : [])).join("\n");

/** The log entries determined by the training run: everything but times. */
export function decidedLines(run: string): object[] {
  const lines = readFileSync(join(run, "log.jsonl"), "utf8").trimEnd().split("\n");
  return lines
    .map((line): Record<string, unknown> => JSON.parse(line))
    .filter(({ type }) => type === "step" || type === "evaluation" || type === "architecture")
    .map(({ time: _, stepSeconds: _s, dataSeconds: _d, ...rest }) => rest);
}

/** The bytes of a run's model and optimiser at a step, preceded by those of the average of its weights, if there is one. */
export function checkpointBytes(run: string, step: number): Buffer[] {
  const folder = join(run, "checkpoints", `step-${String(step).padStart(8, "0")}`);
  const names = readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
  return names.sort().map((name) => readFileSync(join(folder, name)));
}
