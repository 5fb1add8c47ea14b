import type { ArchitectureEvent, TrainingEvent } from "./events.js";

/** The numbers of an event, as curves are named; undefined for an event without any. */
export function scalarsOf(event: TrainingEvent): Readonly<Record<string, number>> | undefined {
  switch (event.type) {
    case "step":
      return stepScalars(event);
    case "evaluation":
      return prefixed("validation/", event.metrics);
    case "metrics":
      return event.metrics;
    case "architecture":
      return architectureScalars(event);
    default:
      return undefined;
  }
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
