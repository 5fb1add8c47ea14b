import { UserError } from "../errors.js";
import type { ClassWeights } from "../heads/losses/keys.js";
import { counted } from "../words.js";

/** @param key of the config @param where the classes come from @throws UserError where there is not one weight for each */
export function checkWeights(
  key: string,
  choice: ClassWeights | undefined,
  classes: readonly string[],
  where: string,
): void {
  if (!Array.isArray(choice) || choice.length === classes.length) return;
  throw new UserError(
    `${key}: ${counted(choice.length, "weight")} for the ${counted(classes.length, "class", "classes")} of ${where}`,
  );
}

/**
 * The weights of classes in a loss; undefined where all count the same.
 *
 * @param counts how often each class occurs in the training set, for "balanced"; undefined if that was not opened
 */
export function weightsOf(
  choice: ClassWeights | undefined,
  counts: readonly number[] | undefined,
): readonly number[] | undefined {
  if (choice !== "balanced") return choice === "none" ? undefined : choice;
  if (counts === undefined) {
    throw new RangeError("balanced class weights need each class counted, and no training set was opened");
  }
  return balanced(counts);
}

/** n / (classes · those of the class), as in scikit-learn: 1 on average; a class that does not occur has weight 0. */
function balanced(counts: readonly number[]): number[] {
  const all = counts.reduce((sum, n) => sum + n, 0);
  return counts.map((n) => (n === 0 ? 0 : all / (counts.length * n)));
}
