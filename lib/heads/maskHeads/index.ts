import type { z } from "zod";
import type { ParameterScope } from "../../nn/parameters.js";
import { type KindSchema, KindTable, type SchemasOf } from "../../schemas/kinds.js";
import { type RoiHeadKind, type RoiHeadOptions, type RoiLayers, roiLayers } from "../roiHead.js";
import { convolutions } from "./convolutions.js";

/** The layers that a mask head may have. New ones are a file and a line here. */
export const MASK_HEADS = [convolutions] as const;

// Each takes its own config; that tie is lost in this look-up.
const table = new KindTable<typeof MASK_HEADS, RoiHeadKind>("mask head", MASK_HEADS);

// Named, because types without a name are written out wherever a config has them.
export interface MaskHeadSchema extends z.ZodDiscriminatedUnion<SchemasOf<typeof MASK_HEADS>, "type"> {}

export const maskHeadConfig = (): MaskHeadSchema => table.config();
export type MaskHeadConfig = z.output<MaskHeadSchema>;

/** Adds layers that a mask head may have. @returns a function that removes them @throws UserError when their type is taken */
export const registerMaskHead = <Schema extends KindSchema>(kind: RoiHeadKind<Schema>): (() => void) =>
  table.add(kind as unknown as RoiHeadKind);

/** The layers that a config describes. @throws UserError where those from outside fail or give another shape */
export const maskHeadLayers = (scope: ParameterScope, config: MaskHeadConfig, options: RoiHeadOptions): RoiLayers =>
  roiLayers("mask head", table.of(config), config, scope, options, 2);
