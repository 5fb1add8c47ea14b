import type { Config } from "../config/schema.js";
import type { Html, Section } from "../pages/index.js";
import type { StoredEvaluation } from "./run.js";
import type { ReportedConfusion, ReportOptions, ReportResult } from "./types.js";

/** What a page says about an evaluation. */
export interface EvaluationPart {
  readonly sections: readonly Section[];
  readonly result: Partial<ReportResult>;
  /** What is missing, and why. */
  readonly remarks?: readonly string[];
}

/** Options that only some tasks know. */
export type PartOption = "type" | "iouThreshold" | "scoreThreshold";

/** Makes the part of one task. */
export interface PartMaker<C extends Config = Config> {
  /** Of the options that only some tasks know, those it uses. */
  readonly options: readonly PartOption[];
  /**
   * @param weights of the run, undefined if they no longer exist
   * @throws UserError when stored results cannot be read
   */
  make(
    evaluation: StoredEvaluation & { readonly config: C },
    weights: string | undefined,
    options: ReportOptions,
  ): Promise<EvaluationPart>;
}

export function imageSection(drawn: readonly Html[], measure: string): Section[] {
  if (drawn.length === 0) return [];
  return [{ title: "Worst images", text: `Those with the lowest ${measure}, the worst first.`, content: drawn }];
}

export function confusionRows(classes: readonly string[], counts: Float64Array): ReportedConfusion {
  const n = classes.length;
  return { classes, counts: classes.map((_, row) => [...counts.subarray(row * n, (row + 1) * n)]) };
}
