import type { z } from "zod";
import type { Engine } from "./engine.js";

/** What an engine can do, whatever machine it runs on. */
export interface Capabilities {
  /** It runs gradients, and what training carries from one program to another. */
  readonly training: boolean;
  /** The types its programs compute in. */
  readonly precisions: readonly ("float32" | "float16" | "int8")[];
  /** One program takes images of any size; else each size has a program. */
  readonly dynamicShapes: boolean;
}

export type Status = "ok" | "optional" | "problem";

/** What `densekit doctor` says of one thing. */
export interface Finding {
  readonly name: string;
  readonly status: Status;
  /** What was found, and where something is missing, what to do. */
  readonly detail: string;
}

/** An engine: all that the project knows of it, none of its packages loaded. lib/engines/index.ts has the table of them. */
export interface EngineKind<Name extends string = string, Keys extends z.ZodRawShape = z.ZodRawShape> {
  /** Its `engine.type`. */
  readonly name: Name;
  /** Its own keys of the config's `engine`, with their defaults, which stand nowhere else. */
  readonly keys: Keys;
  readonly capabilities: Capabilities;
  /** Loads its packages and starts it. @throws UserError when this machine does not have what the config asks for */
  readonly open: (config: z.output<z.ZodObject<Keys>>) => Promise<Engine>;
  /** Tries what of it this machine has. */
  readonly examine: () => Promise<Finding[]>;
}

/** Says of an engine what there is to say; the types follow from its name and its keys. */
export const engineKind = <const Name extends string, Keys extends z.ZodRawShape>(
  kind: EngineKind<Name, Keys>,
): EngineKind<Name, Keys> => kind;

/** Of a list in which nothing may stand twice. */
export const once = (names: readonly string[]): boolean => new Set(names).size === names.length;
