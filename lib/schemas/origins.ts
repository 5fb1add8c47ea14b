import { reasonIn, UserError } from "../errors.js";

/** The plugin that a part is from. */
export interface PartOrigin {
  readonly file: string;
  /** What it is called in messages. */
  readonly name: string;
}

let adding: PartOrigin | undefined;

/** Of each part that is not ours: the plugin it is from; undefined for one that a program added. */
const origins = new WeakMap<object, PartOrigin | undefined>();

/** Runs what adds the parts of a plugin. */
export function addingFrom<T>(origin: PartOrigin, add: () => T): T {
  const before = adding;
  adding = origin;
  try {
    return add();
  } finally {
    adding = before;
  }
}

/** Notes that a part was added from outside. */
export const noteOrigin = (part: object): void => void origins.set(part, adding);

/**
 * Runs code of a part. What it throws is for its author to mend if the part is not ours: the message then names the part, its
 * plugin and where it was, and there is no stack trace.
 *
 * @param what such as "class loss" @param at which of the things it was given
 */
export function runPart<T>(what: string, part: object, run: () => T, at?: string): T {
  if (!origins.has(part)) return run();
  const failed = (error: unknown) => {
    const origin = origins.get(part);
    const name = `the ${what} "${nameOf(part)}"${origin === undefined ? "" : ` (${origin.name})`}`;
    const message = `${[name, ...(at === undefined ? [] : [at])].join(": ")}: ${reasonIn(error, origin?.file)}`;
    return new UserError(message, 1, { cause: error });
  };
  try {
    const result = run();
    if (!(result instanceof Promise)) return result;
    const rethrow = (error: unknown) => {
      throw failed(error);
    };
    return result.catch(rethrow) as T;
  } catch (error) {
    throw failed(error);
  }
}

/** A part's type, or its name. */
function nameOf(part: object): unknown {
  const { schema, name } = part as { readonly schema?: TypedSchema; readonly name?: unknown };
  return schema?.shape?.type?.value ?? name;
}

interface TypedSchema {
  readonly shape?: { readonly type?: { readonly value?: unknown } };
}
