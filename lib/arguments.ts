import { nameOfSameMeaning, nearestName, UserError } from "./errors.js";

const isPath = (value: unknown): boolean => typeof value === "string" && value !== "";

const isNamed = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  isPath((value as Record<string, unknown>).name) &&
  (value as Record<string, unknown>).bytes instanceof Uint8Array;

/** What an option may be, and how it is told where it is not. */
const KINDS = {
  config: {
    what: "a config, such as loadConfig(FILE).config",
    is: (value: unknown) => typeof value === "object" && value !== null && "task" in value && "model" in value,
  },
  path: { what: "a path", is: isPath },
  paths: {
    what: "a list of paths, one at least",
    is: (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(isPath),
  },
  images: {
    what: "a list of paths, one at least",
    is: (value: unknown) =>
      Array.isArray(value) && value.length > 0 && value.every((one) => isPath(one) || isNamed(one)),
  },
} as const satisfies Record<string, { readonly what: string; is(value: unknown): boolean }>;

/**
 * Checks the options that a call of the typed API cannot do without, for programs that no compiler checks.
 *
 * @param call as in `train`
 * @throws UserError that names the call, the option and what it must be
 */
export function requireOptions(
  call: string,
  options: unknown,
  required: Readonly<Record<string, keyof typeof KINDS>>,
): void {
  const given = (typeof options === "object" && options !== null ? options : {}) as Record<string, unknown>;
  for (const [name, kind] of Object.entries(required)) {
    const { what, is } = KINDS[kind];
    if (!is(given[name]))
      throw new UserError(`${call}: the option ${name} must be ${what}, not ${shown(given[name])}`, 2);
  }
}

/**
 * Checks that a call has no options but those it knows: one with a slip in its name would be ignored.
 *
 * @throws UserError that names the call, the option and those there are
 */
export function refuseUnknownOptions(call: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const near = nearestName(name, known) ?? nameOfSameMeaning(name, known);
    const hint = near === undefined ? `its options: ${known.join(", ")}` : `did you mean "${near}"?`;
    throw new UserError(`${call}: there is no option ${shown(name)}; ${hint}`, 2);
  }
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list with ${shown(value[0])}`;
  return typeof value === "object" && value !== null ? "an object that is none" : String(value);
}
