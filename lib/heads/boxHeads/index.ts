import type { z } from "zod";
import type { ParameterScope } from "../../nn/parameters.js";
import { type KindSchema, KindTable, type SchemasOf } from "../../schemas/kinds.js";
import { type RoiHeadKind, type RoiHeadOptions, type RoiLayers, roiLayers } from "../roiHead.js";
import { linear } from "./linear.js";

/** The layers that a box head may have. New ones are a file and a line here. */
export const BOX_HEADS = [linear] as const;

// Each takes its own config; that tie is lost in this look-up.
const table = new KindTable<typeof BOX_HEADS, RoiHeadKind>("box head", BOX_HEADS);

// Named, because types without a name are written out wherever a config has them.
export interface BoxHeadSchema extends z.ZodDiscriminatedUnion<SchemasOf<typeof BOX_HEADS>, "type"> {}

export const boxHeadConfig = (): BoxHeadSchema => table.config();
export type BoxHeadConfig = z.output<BoxHeadSchema>;

/** Adds layers that a box head may have. @returns a function that removes them @throws UserError when their type is taken */
export const registerBoxHead = <Schema extends KindSchema>(kind: RoiHeadKind<Schema>): (() => void) =>
  table.add(kind as unknown as RoiHeadKind);

/** The layers that a config describes. @throws UserError where those from outside fail or give another shape */
export const boxHeadLayers = (scope: ParameterScope, config: BoxHeadConfig, options: RoiHeadOptions): RoiLayers =>
  roiLayers("box head", table.of(config), config, scope, options, 0);
