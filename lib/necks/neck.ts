import type { z } from "zod";
import { slice, type Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import type { ParameterScope } from "../nn/parameters.js";
import type { KindSchema } from "../schemas/kinds.js";

/** Combines a backbone's maps into a pyramid of maps with equal numbers of channels. */
export interface Neck {
  readonly channels: number;
  readonly strides: readonly number[];
  /** @param maps one [B, C_i, H_i, W_i] per input @returns one [B, channels, H_i, W_i] per level */
  readonly forward: (maps: readonly Value[], context: Context) => Value[];
}

/** What a neck is made for. */
export interface NeckOptions {
  /** The backbone's maps. */
  readonly inputs: { readonly channels: readonly number[]; readonly strides: readonly number[] };
  /** Whether to add a level, every second pixel of the coarsest, for the anchors of large objects. */
  readonly extraLevel: boolean;
}

/** Everything the project knows about a neck. lib/necks/index.ts has the table of them. */
export interface NeckKind<Schema extends z.ZodType = KindSchema> {
  readonly schema: Schema;
  readonly make: (scope: ParameterScope, config: Omit<z.output<Schema>, "type">, options: NeckOptions) => Neck;
}

/** Describes a neck; the types follow from the schema. */
export const neckKind = <Schema extends z.ZodType>(kind: NeckKind<Schema>): NeckKind<Schema> => kind;

/** The extra level: a max-pooling with kernel 1 and stride 2. */
export function everySecond(x: Value): Value {
  return slice(slice(x, { axis: 2, step: 2 }), { axis: 3, step: 2 });
}
