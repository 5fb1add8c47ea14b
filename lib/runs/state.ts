import { createHash } from "node:crypto";
import { z } from "zod";
import { type Config, configSchema } from "../config/schema.js";
import { UserError } from "../errors.js";
import { NO_TREND, type Trend } from "./trend.js";

/** What a run needs, besides the tensors, to continue exactly where it was. */
export interface TrainingState {
  /** Optimiser updates done. */
  readonly step: number;
  readonly epoch: number;
  /** Named states of random streams. */
  readonly random: Readonly<Record<string, readonly [key: number, counter: number]>>;
  /** The last validation's metrics. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The step of that validation; 0 if there was none. */
  readonly evaluatedStep: number;
  readonly best?: BestModel;
  readonly watched?: Watched;
  readonly hooks?: HookState;
  readonly trend: Trend;
  /** The step of the newest checkpoint with a sound loss before this one; 0 if there was none. */
  readonly soundStep: number;
  readonly config: Config;
}

/** What the hooks of a run have set. */
export interface HookState {
  /** The factor of the schedule's learning rate. */
  readonly lrFactor: number;
  /** Numbers of their own. */
  readonly memory: Readonly<Record<string, number>>;
}

/** The course of validation, for early stopping. */
export interface Watched {
  readonly metric: string;
  /** The best value so far and its step; absent until one is defined. */
  readonly best?: { readonly value: number; readonly step: number };
  /** Validations since then, or all if there is no best. */
  readonly waited: number;
}

/** How far a run has got. */
export interface Progress {
  /** Optimiser steps done. */
  readonly step: number;
  /** The last validation's metrics, and its step. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly evaluatedStep: number;
  readonly best?: BestModel;
  readonly watched?: Watched;
  readonly hooks?: HookState;
  readonly trend: Trend;
}

export interface BestModel {
  readonly metric: string;
  readonly value: number;
  readonly step: number;
}

/** SHA-256 of the files beside the state, by name, in hexadecimal. */
export type Checksums = Readonly<Record<string, string>>;

/** Format 1 had no checksums. */
const FORMAT = 2;

const step = z.int().min(0);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
/** JSON has no NaN; it is written as null. */
const figure = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);

const stateSchema = z
  .object({
    format: z.literal([1, FORMAT]),
    step: step.min(1),
    epoch: step,
    random: z.record(z.string(), z.tuple([z.number(), z.number()])),
    metrics: z.record(z.string(), figure),
    evaluatedStep: step,
    best: z.object({ metric: z.string(), value: figure, step }).exactOptional(),
    watched: z
      .object({
        metric: z.string(),
        best: z.object({ value: z.number(), step }).exactOptional(),
        waited: step,
      })
      .exactOptional(),
    hooks: z.object({ lrFactor: z.number().min(0), memory: z.record(z.string(), figure) }).exactOptional(),
    trend: z.object({ steps: step, mean: z.number(), lowest: z.number().exactOptional() }).default(NO_TREND),
    soundStep: step.default(0),
    config: configSchema(),
    files: z.record(z.string(), digest).exactOptional(),
    sha256: digest.exactOptional(),
  })
  .refine(({ step, evaluatedStep, soundStep, best }) => Math.max(evaluatedStep, soundStep, best?.step ?? 0) <= step, {
    message: "it names steps after its own",
  })
  .refine(({ format, files, sha256 }) => format === 1 || (files !== undefined && sha256 !== undefined), {
    message: "its checksums are missing",
  });

/** The text of state.json, with a checksum of itself. */
export function writeState(state: TrainingState, files: Checksums): string {
  const content = { format: FORMAT, ...state, files };
  return `${JSON.stringify({ ...content, sha256: sha256(JSON.stringify(content)) }, null, 2)}\n`;
}

/** @throws UserError when the text is not a state or was changed since it was written */
export function parseState(
  text: string,
  path: string,
): { readonly state: TrainingState; readonly files: Checksums | undefined } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new UserError(`${path}: the checkpoint's state is truncated or not JSON`);
  }
  const parsed = stateSchema.safeParse(json);
  if (!parsed.success) {
    const [{ path: where, message } = { path: [], message: "" }] = parsed.error.issues;
    const what = where.length === 0 ? message : `${where.join(".")}: ${message}`;
    throw new UserError(`${path}: not a checkpoint state that this version of densekit can read: ${what}`);
  }
  const { format: _, files, sha256: expected, ...state } = parsed.data;
  if (expected !== undefined) {
    const { sha256: _, ...content } = json as Record<string, unknown>;
    if (sha256(JSON.stringify(content)) !== expected) {
      throw new UserError(`${path}: the state has changed since it was written: its checksum differs`);
    }
  }
  return { state, files };
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
