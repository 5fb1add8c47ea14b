import { z } from "zod";
import { UserError } from "../errors.js";

/** The schema of one of several kinds, which its `type` tells apart. */
export type KindSchema = z.ZodObject<{ type: z.ZodLiteral<string> }>;

interface Kind {
  readonly schema: KindSchema;
}

type SchemasOf<Kinds extends readonly [Kind, ...Kind[]]> = { -readonly [I in keyof Kinds]: Kinds[I]["schema"] };

/** The schemas of a table's kinds, in its order. */
export function schemasOf<const Kinds extends readonly [Kind, ...Kind[]]>(kinds: Kinds): SchemasOf<Kinds> {
  return kinds.map(({ schema }) => schema) as SchemasOf<Kinds>;
}

/** What a config may say of one of the kinds of a table: the union of their schemas. */
export function anyOf<const Kinds extends readonly [Kind, ...Kind[]]>(
  kinds: Kinds,
): z.ZodDiscriminatedUnion<SchemasOf<Kinds>, "type"> {
  return z.discriminatedUnion("type", schemasOf(kinds));
}

/** The entry of a table that a config is of. @throws RangeError where there is none */
export function kindOf<K extends Kind>(kinds: readonly K[], { type }: { readonly type: string }): K {
  const found = kinds.find(({ schema }) => schema.shape.type.value === type);
  if (found === undefined) throw new RangeError(`there is no ${type}`);
  return found;
}

/** Counts what was added to all tables, so that what is made of them can be made anew. */
let additions = 0;
export const additionsMade = (): number => additions;

/**
 * A table of kinds: ours, and those that a program adds while it runs.
 *
 * @typeParam Kinds ours, which the types of configs know; @typeParam K what every kind of the table is
 */
export class KindTable<const Kinds extends readonly [Kind, ...Kind[]], K extends Kind> {
  private readonly added: K[] = [];

  /** @param what one is called in messages */
  constructor(
    private readonly what: string,
    private readonly own: Kinds,
  ) {}

  /** Ours first. */
  get all(): readonly K[] {
    return [...(this.own as readonly unknown[] as readonly K[]), ...this.added];
  }

  /** What a config may say of one of them. The type knows ours alone. */
  config(): z.ZodDiscriminatedUnion<SchemasOf<Kinds>, "type"> {
    return anyOf(this.all as readonly unknown[] as Kinds);
  }

  /** The entry that a config is of. */
  of(config: { readonly type: string }): K {
    return kindOf(this.all, config);
  }

  /** @returns what takes it out again @throws UserError where there is one of that type already */
  add(kind: K): () => void {
    const type = kind.schema.shape.type.value;
    if (this.all.some(({ schema }) => schema.shape.type.value === type)) {
      throw new UserError(`there is a ${this.what} of the type "${type}" already; choose another name`);
    }
    this.added.push(kind);
    additions++;
    return () => {
      this.added.splice(this.added.indexOf(kind), 1);
      additions++;
    };
  }
}
