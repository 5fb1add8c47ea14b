import { z } from "zod";
import { UserError } from "../errors.js";
import type { Engine } from "./engine.js";
import type { EngineKind } from "./kind.js";
import { onnxRuntime } from "./onnxruntime/kind.js";
import { tfjs } from "./tfjs/kind.js";

/** All engines, the default first. A new one is a folder and a line here. */
export const ENGINES = [onnxRuntime, tfjs] as const;

type Kinds = typeof ENGINES;
type NamesOf<All extends readonly { readonly name: string }[]> = { -readonly [I in keyof All]: All[I]["name"] };
type KeysOf<All> = All extends readonly [{ readonly keys: infer First }, ...infer Rest]
  ? First & KeysOf<Rest>
  : unknown;

const names = ENGINES.map(({ name }) => name) as NamesOf<Kinds>;
const keys = Object.assign({}, ...ENGINES.map(({ keys }) => keys)) as KeysOf<Kinds>;

const schema = z
  .strictObject({
    type: z.enum(names).default(names[0]).describe("Which runtime; `densekit doctor` lists what this machine offers"),
    ...keys,
  })
  .prefault({})
  .describe("Runs the model");

/** Named, because types without a name are written out wherever a config has them. */
export interface EngineSchema extends Schema {}
type Schema = typeof schema;

/** The config's `engine`: its type, and the keys of all engines; those of other types have no effect. */
export const engineConfig: EngineSchema = schema;

/** The part `engine` of a config. */
export type EngineConfig = z.output<typeof engineConfig>;

/** Each takes its own keys; that tie is lost in a look-up. */
const KINDS = ENGINES as readonly unknown[] as readonly EngineKind[];

/**
 * Starts the engine that a config chooses; packages of the others are not loaded.
 *
 * @param needs what it must be able to do, if not every engine can
 * @throws UserError when the engine cannot do that, or this machine does not have what the config asks for
 */
export async function openEngine(config: EngineConfig, needs: Needs = {}): Promise<Engine> {
  return engineOf(config, needs, KINDS).open(config);
}

/** What an engine must be able to do. */
export interface Needs {
  readonly training?: boolean;
}

/**
 * The engine of a config's type.
 *
 * @throws UserError when the engine of that type cannot do what is needed, naming those that can
 */
export function engineOf(
  { type }: { readonly type: string },
  { training = false }: Needs,
  kinds: readonly EngineKind[],
): EngineKind {
  const kind = kinds.find(({ name }) => name === type);
  if (kind === undefined) throw new RangeError(`there is no engine ${type}`);
  if (!training || kind.capabilities.training) return kind;
  const able = kinds.filter(({ capabilities }) => capabilities.training).map(({ name }) => name);
  throw new UserError(`engine.type: ${type} runs models but trains none; choose ${able.join(" or ")}`);
}
