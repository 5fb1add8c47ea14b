import type { Naming, Renamer, Rows } from "../nn/weightNames.js";
import { NOT_NEEDED, namings, WRAPPERS } from "./rules.js";

/** A file's names translated to ours. */
export interface Translation {
  /** The naming of the file's tensors; undefined if it is unknown. */
  readonly naming: string | undefined;
  /** Our name for each of the file's, in its order. */
  readonly ours: ReadonlyMap<string, string>;
  /** How rows are picked for one of our names, if they are not taken in order. */
  readonly rowsOf: (ours: string) => Rows | undefined;
}

/** Recognises a file's names and translates them. Pure: see rules.ts for the rules. */
export function translate(names: readonly string[]): Translation {
  const bare = unwrap(names);
  const shortened = [...bare.values()];
  const some = (pattern: RegExp) => shortened.some((name) => pattern.test(name));
  const naming = namings().find(({ mark, unless }) => some(mark) && (unless === undefined || !some(unless)));
  const ours = new Map<string, string>();
  for (const [name, short] of bare) ours.set(name, naming === undefined ? short : rename(short, naming, shortened));
  return {
    naming: naming?.name,
    ours,
    rowsOf: (name) => naming?.rows?.find(([pattern]) => pattern.test(name))?.[1],
  };
}

/** Whether nothing is computed from a tensor with this name. */
export const isNotNeeded = (ours: string): boolean => NOT_NEEDED.some((pattern) => pattern.test(ours));

/** The name of a piece of one of our parameters, from 0 on. */
export const pieceName = (ours: string, piece: number): string => `${ours}[${piece}]`;

export const isPiece = (name: string): boolean => /\[\d+\]$/.test(name);

/** Removes what precedes every name. */
function unwrap(names: readonly string[]): Map<string, string> {
  let short = [...names];
  for (let changed = true; changed; ) {
    const wrapper = WRAPPERS.find((prefix) => short.length > 0 && short.every((name) => name.startsWith(prefix)));
    changed = wrapper !== undefined;
    if (wrapper !== undefined) short = short.map((name) => name.slice(wrapper.length));
  }
  return new Map(names.map((name, i) => [name, short[i]!]));
}

function rename(name: string, { renames }: Naming, names: readonly string[]): string {
  return renames.reduce(
    (before, [pattern, replacement]) => before.replace(pattern, replacer(replacement, names) as string),
    name,
  );
}

/** `String.replace` takes a text with $1 or a function. */
function replacer(replacement: string | Renamer, names: readonly string[]): string | ((...match: string[]) => string) {
  if (typeof replacement === "string") return replacement;
  return (...match) => {
    const groups = match.slice(1).filter((group) => typeof group === "string");
    return replacement(groups, names);
  };
}
