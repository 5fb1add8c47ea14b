import type { z } from "zod";
import type { ParameterScope } from "../nn/parameters.js";
import { type KindSchema, KindTable, type SchemasOf } from "../schemas/kinds.js";
import { fpn } from "./fpn.js";
import { levels } from "./levels.js";
import type { Neck, NeckKind, NeckOptions } from "./neck.js";

/** All necks. A new one is a file and a line here. */
export const NECKS = [fpn, levels] as const;

// Each takes its own config; that tie is lost in this look-up.
const table = new KindTable<typeof NECKS, NeckKind>("neck", NECKS);

// Named, because types without a name are written out wherever a config has them.
export interface NeckSchema extends z.ZodDiscriminatedUnion<SchemasOf<typeof NECKS>, "type"> {}

export const neckConfig = (): NeckSchema => table.config().describe("Combines the backbone's stages into a pyramid");

export type NeckConfig = z.output<NeckSchema>;

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
