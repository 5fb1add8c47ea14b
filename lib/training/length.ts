import type { TrainingConfig } from "../config/schema.js";

/** The length of a run and of its unit, an epoch or a step, in optimiser steps. */
export interface RunLength {
  readonly steps: number;
  /** Not an integer if an epoch's batches do not make whole steps. */
  readonly stepsPerEpoch: number;
  /** Steps per unit of milestones and intervals. */
  readonly stepsPerUnit: number;
}

export function runLength({ epochs, steps, accumulate }: TrainingConfig, batchesPerEpoch: number): RunLength {
  const stepsPerEpoch = batchesPerEpoch / accumulate;
  if (epochs === undefined) return { steps: steps ?? 0, stepsPerEpoch, stepsPerUnit: 1 };
  return { steps: Math.max(1, Math.round(epochs * stepsPerEpoch)), stepsPerEpoch, stepsPerUnit: stepsPerEpoch };
}

/**
 * Whether something done every `every` units is due after this step: a multiple of `every` units, rounded to whole
 * steps, falls on it, or it is the run's last.
 */
export function isDue(step: number, every: number | undefined, { steps, stepsPerUnit }: RunLength): boolean {
  if (step === steps) return true;
  if (every === undefined) return false;
  const period = every * stepsPerUnit;
  const nearest = Math.round(step / period);
  return nearest > 0 && Math.round(nearest * period) === step;
}
