import { z } from "zod";

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
