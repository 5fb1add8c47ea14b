import { UserError } from "../errors.js";

export interface ClassNumbers {
  readonly classes: readonly string[];
  /** The value in files that the first name stands for: 0, or 1 if label 0 is not a class. */
  readonly first: 0 | 1;
  /** Where the names are listed, for messages. */
  readonly list: string;
}

/** As in a config for label maps. */
export const firstLabel = (reduceZeroLabel: boolean | undefined): 0 | 1 => (reduceZeroLabel === true ? 1 : 0);

/** The name of a stored value. @throws UserError when the list is too short or the value is below the first */
export function nameOfLabel(value: number, numbers: ClassNumbers, where: string): string {
  const { classes, first, list } = numbers;
  const name = classes[value - first];
  if (name !== undefined) return name;
  const other =
    first === 0 ? "name them all, or if 0 means no class, use --reduce-zero-label" : "name them all except 0";
  throw new UserError(`${where}: label ${value} has no name: by ${list} ${describeLabels(numbers)}; ${other}`);
}

/**
 * A list with more names than values usually has an extra name at its beginning, so that all names are shifted.
 *
 * @throws UserError where the last names are of values above `highest`
 */
export function refuseUnusedNames(numbers: ClassNumbers, highest: number, where: string): void {
  const { classes, first, list } = numbers;
  const unused = classes.slice(Math.max(highest - first + 1, 0));
  if (unused.length === 0) return;
  throw new UserError(
    `${where}: the highest label is ${highest}, but by ${list} ${describeLabels(numbers)}; is a name too many at the beginning` +
      `${first === 1 ? ", or --reduce-zero-label" : ""}? If these files have none of ${unused.join(", ")}, give the names as a table ` +
      "by --object-info, which may have more",
  );
}

const MOST_NAMED = 20;

/** "0 is road, 1 is car"; for long lists the first ones and the last. */
export function describeLabels({ classes, first }: ClassNumbers): string {
  const all = classes.map((name, i) => `${i + first} is ${name}`);
  return (all.length <= MOST_NAMED ? all : [...all.slice(0, MOST_NAMED - 1), "…", all.at(-1)!]).join(", ");
}
