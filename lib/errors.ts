/**
 * An error the user caused and can mend. The command line prints its message alone, without a stack trace, and exits
 * with `exitCode`.
 *
 * A message says what is wrong, where (file, line, id or path in the config) and what to do about it.
 */
export class UserError extends Error {
  override readonly name = "UserError";

  constructor(
    message: string,
    /** 1: the input or the run is at fault; 2: the command line is. */
    readonly exitCode: 1 | 2 = 1,
  ) {
    super(message);
  }
}

/** The name in `candidates` nearest to `name` by edit distance, if it is near enough to be a slip of the hand. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue; // no distance is less
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length]!;
}
