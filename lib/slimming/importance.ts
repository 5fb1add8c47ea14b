import type { Architecture, PathChoice } from "./architecture.js";

/** The importance of each choice of one trained MetaPath; positive numbers, such as their shares. */
export type PathImportances = Readonly<Partial<Record<PathChoice, number>>>;

/** For each stage, for each of its MetaPaths. */
export type Alphas = readonly (readonly PathImportances[])[];

/**
 * How important a MetaPath is (EfficientFormer, section 3.3): α of its blocks over α of the identity, α4D / αI in stages 1
 * and 2, (α3D + α4D) / αI in stages 3 and 4.
 *
 * @throws RangeError where an α is not positive, because the ratio would mean nothing
 */
export function pathImportance(alphas: PathImportances): number {
  const { identity = 0, MB4D = 0, MB3D } = alphas;
  for (const [choice, value] of Object.entries(alphas)) {
    if (!(value > 0)) throw new RangeError(`the importance of ${choice} is ${value}; expected a positive number`);
  }
  return (MB4D + (MB3D ?? 0)) / identity;
}

/** How important a stage is: the sum over its remaining paths. */
export function stageImportance({ paths }: Architecture, alphas: Alphas, stage: number): number {
  return paths[stage]!.reduce(
    (sum, path, block) => (path === "identity" ? sum : sum + pathImportance(alphas[stage]![block]!)),
    0,
  );
}
