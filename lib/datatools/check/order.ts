import type { Problem } from "./types.js";

/**
 * Errors first, and among these the rarest kind of a set first, because a rare one is easily overlooked among many;
 * within a kind by file and entry. The order does not depend on which image was decoded first.
 */
export function inOrder(problems: readonly Problem[]): Problem[] {
  const counts = new Map<string, number>();
  for (const problem of problems) counts.set(groupOf(problem), (counts.get(groupOf(problem)) ?? 0) + 1);
  const sets = [...new Set(problems.map(({ set }) => set))];
  return [...problems].sort(
    (a, b) =>
      collator.compare(a.severity, b.severity) ||
      counts.get(groupOf(a))! - counts.get(groupOf(b))! ||
      collator.compare(a.kind, b.kind) ||
      sets.indexOf(a.set) - sets.indexOf(b.set) ||
      collator.compare(a.file, b.file) ||
      collator.compare(a.entry ?? "", b.entry ?? "") ||
      collator.compare(a.message, b.message),
  );
}

/** The headings of lists of problems. */
export const groupOf = ({ severity, kind, set }: Problem): string => `${severity} ${kind}, ${set}`;

const collator = new Intl.Collator("en", { numeric: true });
