import type { z } from "zod";
import type { ParameterScope } from "../nn/parameters.js";
import { anyOf, kindOf } from "../schemas/kinds.js";
import { fpn } from "./fpn.js";
import { levels } from "./levels.js";
import type { Neck, NeckKind, NeckOptions } from "./neck.js";

/** The necks there are. A new one is a file of its own and a line here. */
export const NECKS = [fpn, levels] as const;

export const neckConfig = anyOf(NECKS).describe("What joins the backbone's stages to a pyramid");

export type NeckConfig = z.output<typeof neckConfig>;

/** Makes the neck that a config describes; its parameters get the scope's path in front of their names. */
export function makeNeck(scope: ParameterScope, config: NeckConfig, options: NeckOptions): Neck {
  // Each takes its own config; that tie is lost in this look-up.
  return kindOf(NECKS as readonly unknown[] as readonly NeckKind[], config).make(scope, config, options);
}
