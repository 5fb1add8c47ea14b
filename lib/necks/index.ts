import type { z } from "zod";
import type { ParameterScope } from "../nn/parameters.js";
import { type KindSchema, KindTable } from "../schemas/kinds.js";
import { fpn } from "./fpn.js";
import { levels } from "./levels.js";
import type { Neck, NeckKind, NeckOptions } from "./neck.js";

/** All necks. A new one is a file and a line here. */
export const NECKS = [fpn, levels] as const;

// Each takes its own config; that tie is lost in this look-up.
const table = new KindTable<typeof NECKS, NeckKind>("neck", NECKS);

export const neckConfig = () => table.config().describe("Combines the backbone's stages into a pyramid");

export type NeckConfig = z.output<ReturnType<typeof neckConfig>>;

/**
 * Adds a neck that configs can then name.
 *
 * @returns a function that removes it again
 * @throws UserError when one of its type already exists
 */
export const registerNeck = <Schema extends KindSchema>(kind: NeckKind<Schema>) =>
  table.add(kind as unknown as NeckKind);

/** Makes the neck that a config describes; its parameters get the scope's path in front of their names. */
export function makeNeck(scope: ParameterScope, config: NeckConfig, options: NeckOptions): Neck {
  return table.of(config).make(scope, config, options);
}
