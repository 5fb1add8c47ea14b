import type { z } from "zod";
import type { Value } from "../../graph/index.js";
import type { KindSchema } from "../../schemas/kinds.js";

/** n · p decisions between K classes. What a loss does not use is not computed. */
export interface ClassDecisions {
  /** [n, p] −log of the right class's probability by softmax. */
  readonly crossEntropy: Value;
  /** [n, K, p] scores of the classes, before softmax. */
  readonly logits: Value;
  /** int32 [n, p] the right class. Where there is none it is out of range: the loss there counts nothing, but must be finite. */
  readonly labels: Value;
}

/** Records the loss of each decision, [n, p]. */
export type ClassLoss = (decisions: ClassDecisions) => Value;

/** A loss over classes that configs may name. */
export interface LossKind<Schema extends z.ZodType = KindSchema> {
  /** Its keys, their meaning and their defaults, which are nowhere else. */
  readonly schema: Schema;
  /** @returns [n, p] the loss of each decision, recorded with the operators of `densekit/graph` */
  loss(decisions: ClassDecisions, config: z.output<Schema>): Value;
}

/** Describes a class loss; the types follow from the schema. */
export const lossKind = <Schema extends z.ZodType>(kind: LossKind<Schema>): LossKind<Schema> => kind;
