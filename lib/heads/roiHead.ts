import type { z } from "zod";
import { UserError } from "../errors.js";
import type { Layer } from "../nn/layers.js";
import type { ParameterScope } from "../nn/parameters.js";
import type { KindSchema } from "../schemas/kinds.js";
import { runPart } from "../schemas/origins.js";

/** What the layers of a head on pooled regions are made for. */
export interface RoiHeadOptions {
  /** Channels of the regions' features. */
  readonly in: number;
  /** Their side in bins. */
  readonly poolSize: number;
}

/** The layers between pooled regions and a box or mask head's predictors, which configs may name. */
export interface RoiHeadKind<Schema extends z.ZodType = KindSchema> {
  /** Its keys, their meaning and their defaults, which are nowhere else. */
  readonly schema: Schema;
  /** Channels of what the layers give. */
  channels(config: z.output<Schema>): number;
  /** From features [n, in, p, p] to [n, channels] for boxes, to [n, channels, p, p] for masks. */
  make(scope: ParameterScope, config: z.output<Schema>, options: RoiHeadOptions): Layer;
}

/** Describes the layers of a box or mask head; the types follow from the schema. */
export const roiHeadKind = <Schema extends z.ZodType>(kind: RoiHeadKind<Schema>): RoiHeadKind<Schema> => kind;

/** Layers, and the channels of what they give. */
export interface RoiLayers {
  readonly channels: number;
  /** Called once the predictors' parameters are made, whose order in official checkpoints comes first. */
  make(): Layer;
}

/** @param what in messages @param sides how many sides of the features what they give keeps */
export function roiLayers(
  what: string,
  kind: RoiHeadKind,
  config: { readonly type: string },
  scope: ParameterScope,
  options: RoiHeadOptions,
  sides: 0 | 2,
): RoiLayers {
  const channels = runPart(what, kind, () => kind.channels(config));
  return {
    channels,
    make() {
      const layers = runPart(what, kind, () => kind.make(scope, config, options));
      return (x, context) =>
        runPart(what, kind, () => {
          const y = layers(x, context);
          const wanted = [x.shape[0]!, channels, ...x.shape.slice(2, 2 + sides)];
          if (`${y?.shape}` === `${wanted}`) return y;
          throw new UserError(`gives [${y?.shape ?? ""}], not [${wanted}]`);
        });
    },
  };
}
