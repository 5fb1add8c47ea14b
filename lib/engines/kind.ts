import type { z } from "zod";
import type { Engine } from "./engine.js";

/** What an engine can do, whatever machine it runs on. */
export interface Capabilities {
  /** Whether it runs gradients, and programs that pass values to each other as training needs. */
  readonly training: boolean;
  /** The types its programs compute in. */
  readonly precisions: readonly ("float32" | "float16" | "int8")[];
  /** Whether one program takes images of any size; otherwise each size has a program. */
  readonly dynamicShapes: boolean;
}

export type Status = "ok" | "optional" | "problem";

/** What `densekit doctor` reports on one item. */
export interface Finding {
  readonly name: string;
  readonly status: Status;
  /** What was found, and what to do if something is missing. */
  readonly detail: string;
}

/**
 * Everything the project knows about an engine, without loading any of its packages. lib/engines/index.ts has the table
 * of them.
 */
export interface EngineKind<Name extends string = string, Keys extends z.ZodRawShape = z.ZodRawShape> {
  /** Its `engine.type`. */
  readonly name: Name;
  /** Its keys in the config's `engine`, with their defaults, which are nowhere else. */
  readonly keys: Keys;
  readonly capabilities: Capabilities;
  /** Loads its packages and starts it. @throws UserError when this machine does not have what the config asks for */
  readonly open: (config: z.output<z.ZodObject<Keys>>) => Promise<Engine>;
  /** Tries out what this machine has of it. */
  readonly examine: () => Promise<Finding[]>;
}

/** Describes an engine; the types follow from its name and its keys. */
export const engineKind = <const Name extends string, Keys extends z.ZodRawShape>(
  kind: EngineKind<Name, Keys>,
): EngineKind<Name, Keys> => kind;

/** For a list without repetitions. */
export const once = (names: readonly string[]): boolean => new Set(names).size === names.length;
