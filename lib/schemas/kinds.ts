import { z } from "zod";
import { UserError } from "../errors.js";
import { noteOrigin } from "./origins.js";

/** The schema of one of several kinds, distinguished by its `type`. */
export type KindSchema = z.ZodObject<{ type: z.ZodLiteral<string> }>;

interface Kind {
  readonly schema: KindSchema;
}

export type SchemasOf<Kinds extends readonly [Kind, ...Kind[]]> = { -readonly [I in keyof Kinds]: Kinds[I]["schema"] };

/** The schemas of a table's kinds, in its order. */
export function schemasOf<const Kinds extends readonly [Kind, ...Kind[]]>(kinds: Kinds): SchemasOf<Kinds> {
  return kinds.map(({ schema }) => schema) as SchemasOf<Kinds>;
}

/** The config schema for any of a table's kinds: the union of their schemas. */
export function anyOf<const Kinds extends readonly [Kind, ...Kind[]]>(
  kinds: Kinds,
): z.ZodDiscriminatedUnion<SchemasOf<Kinds>, "type"> {
  return z.discriminatedUnion("type", schemasOf(kinds));
}

/** The entry of a table for a config. @throws RangeError when there is none */
export function kindOf<K extends Kind>(kinds: readonly K[], { type }: { readonly type: string }): K {
  const found = kinds.find(({ schema }) => schema.shape.type.value === type);
  if (found === undefined) throw new RangeError(`there is no ${type}`);
  return found;
}

/** Counts the additions to all tables, so that what is derived from them can be rebuilt. */
let additions = 0;
export const additionsMade = (): number => additions;

/** Adds to a table. @returns a function that removes the entry again; called once more, it does nothing */
export function addTo<T>(entries: T[], entry: T): () => void {
  if (typeof entry === "object" && entry !== null) noteOrigin(entry);
  entries.push(entry);
  additions++;
  return () => {
    const index = entries.indexOf(entry);
    if (index < 0) return;
    entries.splice(index, 1);
    additions++;
  };
}

/**
 * A table of kinds: ours, and those that a program adds while it runs.
 *
 * @typeParam Kinds ours, which the types of configs include; @typeParam K the type of every kind in the table
 */
export class KindTable<const Kinds extends readonly [Kind, ...Kind[]], K extends Kind> {
  private readonly added: K[] = [];

  /** @param what the name of such a kind in messages */
  constructor(
    private readonly what: string,
    private readonly own: Kinds,
  ) {}

  /** Ours first. */
  get all(): readonly K[] {
    return [...(this.own as readonly unknown[] as readonly K[]), ...this.added];
  }

  /** The config schema for any of them. Its type only includes ours. */
  config(): z.ZodDiscriminatedUnion<SchemasOf<Kinds>, "type"> {
    return anyOf(this.all as readonly unknown[] as Kinds);
  }

  /** The entry for a config. */
  of(config: { readonly type: string }): K {
    return kindOf(this.all, config);
  }

  /** @returns a function that removes it again @throws UserError when one of that type already exists */
  add(kind: K): () => void {
    const type = kind.schema.shape.type.value;
    if (this.all.some(({ schema }) => schema.shape.type.value === type)) {
      throw new UserError(`there is a ${this.what} of the type "${type}" already; choose another name`);
    }
    return addTo(this.added, kind);
  }
}
