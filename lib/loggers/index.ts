import { z } from "zod";
import { type KindSchema, KindTable } from "../schemas/kinds.js";
import type { LoggerKind, OpenLogger } from "./logger.js";
import { mlflow } from "./mlflow.js";
import { tensorboard } from "./tensorboard.js";

/** All loggers for configs. A new one is a file and a line here. */
export const LOGGERS = [tensorboard, mlflow] as const;

// Each takes its own config; that tie is lost in this look-up.
const table = new KindTable<typeof LOGGERS, LoggerKind>("logger", LOGGERS);

export const loggersConfig = () =>
  z
    .array(table.config())
    .default([{ type: "tensorboard" }])
    .describe("Where the run is logged, besides its log.jsonl");

export type LoggerConfig = z.output<ReturnType<typeof loggersConfig>>[number];

/** The logger that a config describes. */
export const loggerOf =
  (config: LoggerConfig): OpenLogger =>
  (run) =>
    table.of(config).open(config, run);

/** Adds a logger that configs can then name. @returns a function that removes it again @throws UserError when one of its type exists */
export const registerLogger = <Schema extends KindSchema>(kind: LoggerKind<Schema>): (() => void) =>
  table.add(kind as unknown as LoggerKind);
