import type { z } from "zod";
import { UserError } from "../../errors.js";
import { type KindSchema, KindTable, type SchemasOf } from "../../schemas/kinds.js";
import { runPart } from "../../schemas/origins.js";
import { crossEntropy } from "./crossEntropy.js";
import { focalLoss } from "./focal.js";
import type { ClassLoss, LossKind } from "./loss.js";

/** All losses over classes. A new one is a file and a line here. */
export const CLASS_LOSSES = [crossEntropy, focalLoss] as const;

// Each takes its own config; that tie is lost in this look-up.
const table = new KindTable<typeof CLASS_LOSSES, LossKind>("class loss", CLASS_LOSSES);

// Named, because types without a name are written out wherever a config has them.
export interface ClassLossSchema extends z.ZodDiscriminatedUnion<SchemasOf<typeof CLASS_LOSSES>, "type"> {}

export const classLossConfig = (): ClassLossSchema => table.config();

export type ClassLossConfig = z.output<ClassLossSchema>;

/** Adds a class loss that configs can then name. @returns a function that removes it again @throws UserError when one of its type exists */
export const registerLoss = <Schema extends KindSchema>(kind: LossKind<Schema>): (() => void) =>
  table.add(kind as unknown as LossKind);

/** The loss that a config describes. @throws UserError when recorded, if it is not one number for each decision */
export function classLossOf(config: ClassLossConfig): ClassLoss {
  const kind = table.of(config);
  return (decisions) =>
    runPart("class loss", kind, () => {
      const value = kind.loss(decisions, config);
      const { shape } = decisions.crossEntropy;
      if (`${value?.shape}` === `${shape}`) return value;
      throw new UserError(`gives [${value?.shape ?? ""}], not [${shape}]: the loss of each decision`);
    });
}
