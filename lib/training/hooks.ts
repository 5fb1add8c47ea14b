import { UserError } from "../errors.js";
import type { TrainingEvent } from "../loggers/events.js";
import type { HookState } from "../runs/state.js";

type EventOf<Type extends TrainingEvent["type"]> = Extract<TrainingEvent, { type: Type }>;
export type StepEvent = EventOf<"step">;
export type EvaluationEvent = EventOf<"evaluation">;
export type CheckpointEvent = EventOf<"checkpoint">;

/** What a hook that is called at a checkpoint can do: when these are made may depend on the clock, and numbers must not. */
export interface CheckpointControl {
  /** Steps of the whole run. */
  readonly steps: number;
  /** Ends training after this step, with a checkpoint and a validation as at the last one. */
  stop(reason?: string): void;
  /** Adds numbers to the log of this step. */
  log(metrics: Readonly<Record<string, number>>): void;
}

/** What a hook can do. */
export interface TrainingControl extends CheckpointControl {
  /** What the schedule's learning rate is multiplied by, from the next step on; 1 at first. Kept in checkpoints. */
  lrFactor: number;
  /** Numbers for the hooks' own use, kept in checkpoints: what a resumed run has to know. */
  readonly memory: Record<string, number>;
}

/**
 * Functions that a training run calls. They may be asynchronous; training waits for them, and their errors end it.
 *
 * A resumed run equals one that was not stopped if what they do follows from what they are given, `memory` included.
 */
export interface TrainingHooks {
  /** After each step, before what is due at it: checkpoint and validation. */
  onStep?(event: StepEvent, control: TrainingControl): void | Promise<void>;
  /** After each validation. */
  onEvaluate?(event: EvaluationEvent, control: TrainingControl): void | Promise<void>;
  /** After weights were saved: a checkpoint, or the best so far. */
  onCheckpoint?(event: CheckpointEvent, control: CheckpointControl): void | Promise<void>;
}

export interface HookRunner {
  /** Why a hook wants training to end; undefined if none does. */
  readonly stopped: string | undefined;
  readonly lrFactor: number;
  /** What checkpoints keep; nothing if no hook has changed it. */
  readonly kept: { readonly hooks?: HookState };
  /** Calls the hook of the event, if there is one. */
  call(event: StepEvent | EvaluationEvent | CheckpointEvent): Promise<void>;
}

export interface HookRunnerOptions {
  readonly hooks: TrainingHooks | undefined;
  /** Of the checkpoint that is resumed from. */
  readonly state: HookState | undefined;
  readonly steps: number;
  readonly emit: (event: TrainingEvent) => void;
}

const NAMES = { step: "onStep", evaluation: "onEvaluate", checkpoint: "onCheckpoint" } as const;

export function hookRunner({ hooks = {}, state, steps, emit }: HookRunnerOptions): HookRunner {
  let stopped: string | undefined;
  let lrFactor = state?.lrFactor ?? 1;
  const memory: Record<string, number> = { ...state?.memory };
  const controlOf = (hook: (typeof NAMES)[keyof typeof NAMES], step: number): TrainingControl => ({
    steps,
    memory,
    stop: (reason = "a hook asked for it") => (stopped ??= reason),
    log(metrics) {
      checkNumbers(`hooks.${hook}: log`, metrics);
      emit({ type: "metrics", step, hook, metrics: { ...metrics } });
    },
    get lrFactor() {
      return lrFactor;
    },
    set lrFactor(factor) {
      if (!(Number.isFinite(factor) && factor >= 0)) {
        throw new UserError(`hooks.${hook}: lrFactor must be a number of at least 0, not ${factor}`);
      }
      lrFactor = factor;
    },
  });
  return {
    get stopped() {
      return stopped;
    },
    get lrFactor() {
      return lrFactor;
    },
    get kept() {
      const isUntouched = state === undefined && lrFactor === 1 && Object.keys(memory).length === 0;
      return isUntouched ? {} : { hooks: { lrFactor, memory: { ...memory } } };
    },
    async call(event) {
      const hook = NAMES[event.type];
      const control = controlOf(hook, event.step);
      if (event.type === "step") await hooks.onStep?.(event, control);
      else if (event.type === "evaluation") await hooks.onEvaluate?.(event, control);
      else await hooks.onCheckpoint?.(event, { steps, stop: control.stop, log: control.log });
      checkNumbers(`hooks.${hook}: memory`, memory, Number.isFinite); // others are lost in a checkpoint's JSON
    },
  };
}

function checkNumbers(
  what: string,
  values: Readonly<Record<string, unknown>>,
  isFit: (value: number) => boolean = () => true,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === "number" && isFit(value)) continue;
    const shown = typeof value === "number" ? String(value) : JSON.stringify(value);
    throw new UserError(`${what}: ${name} must be a number, not ${shown}`);
  }
}
