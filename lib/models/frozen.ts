import { nearestName, UserError } from "../errors.js";

/** Longer texts would be matched in more than linear time. */
const LONGEST = 500;
const MOST_NAMED = 5;

/**
 * Whether a parameter's name matches one of the patterns: `*` stands for any text, `?` for a character.
 *
 * @param names of the model's parameters
 * @throws UserError for a pattern that matches none, with the names nearest to it, and where nothing is left to train
 */
export function matcherOf(patterns: readonly string[], names: readonly string[]): (parameterName: string) => boolean {
  const matched = new Set<string>();
  for (const pattern of patterns) {
    const expression = expressionOf(pattern);
    const found = names.filter((name) => expression.test(name));
    if (found.length === 0) throw unmatched(pattern, names);
    for (const name of found) matched.add(name);
  }
  return (name) => matched.has(name);
}

function expressionOf(pattern: string): RegExp {
  if (pattern.length > LONGEST) throw new UserError(`training.frozen: a pattern has ${pattern.length} characters`);
  const texts = pattern.replaceAll(/\*+/g, "*").replaceAll(/[\\^$.|+()[\]{}]/g, "\\$&");
  return new RegExp(`^${texts.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s");
}

function unmatched(pattern: string, names: readonly string[]): UserError {
  const parts = new Set(names.flatMap((name) => partsOf(name)));
  const bare = pattern.replace(/[.*?]+$/, "");
  // A part's name alone is the likeliest slip: it stands for everything in it elsewhere.
  const near = parts.has(bare) ? bare : nearestName(bare, [...parts]);
  const advice =
    near === undefined
      ? `names begin with ${[...new Set(names.map((name) => name.split(".")[0]))].slice(0, MOST_NAMED).join(", ")}`
      : `did you mean "${names.includes(near) ? near : `${near}.*`}"?`;
  return new UserError(`training.frozen: no parameter's name matches "${pattern}"; ${advice}`);
}

/** "a", "a.b" and "a.b.c" of "a.b.c". */
function partsOf(name: string): string[] {
  const steps = name.split(".");
  return steps.map((_, i) => steps.slice(0, i + 1).join("."));
}
