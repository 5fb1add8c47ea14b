import type { z } from "zod";
import { slice, type Value } from "../graph/index.js";
import type { Context } from "../nn/context.js";
import type { ParameterScope } from "../nn/parameters.js";
import type { KindSchema } from "../schemas/kinds.js";

/** Joins a backbone's maps into a pyramid of maps of one width. */
export interface Neck {
  readonly channels: number;
  readonly strides: readonly number[];
  /** @param maps one [B, C_i, H_i, W_i] an input @returns one [B, channels, H_i, W_i] a level */
  readonly forward: (maps: readonly Value[], context: Context) => Value[];
}

export interface NeckOptions {
  /** What the backbone gives. */
  readonly inputs: { readonly channels: readonly number[]; readonly strides: readonly number[] };
  /** One level more, every second pixel of the coarsest: for the anchors of large objects. */
  readonly extraLevel: boolean;
}

/** A way of joining maps: all that the project knows of it. lib/necks/index.ts has the table of them. */
export interface NeckKind<Schema extends z.ZodType = KindSchema> {
  readonly schema: Schema;
  readonly make: (scope: ParameterScope, config: Omit<z.output<Schema>, "type">, options: NeckOptions) => Neck;
}

/** Says of a neck what there is to say; the types follow from the schema. */
export const neckKind = <Schema extends z.ZodType>(kind: NeckKind<Schema>): NeckKind<Schema> => kind;

/** The level more: a max-pooling with kernel 1 and stride 2. */
export function everySecond(x: Value): Value {
  return slice(slice(x, { axis: 2, step: 2 }), { axis: 3, step: 2 });
}
