import { z } from "zod";
import { configSchema } from "./schema.js";

type JsonSchema = z.core.JSONSchema.JSONSchema;

/**
 * The JSON Schema of config files, for editors. It is looser than the check of the whole config in three ways, because
 * a file may be only a part: nothing is required, null deletes any key, and there is `extends`.
 */
export function toJsonSchema(): JsonSchema {
  const { $schema, $defs, anyOf } = loosen(z.toJSONSchema(configSchema(), { io: "input", reused: "ref" }));
  if ($schema === undefined || anyOf === undefined) throw new Error("the config is no union of tasks any more");
  const path = { type: "string" } as const;
  const bases: JsonSchema = {
    description: "Config files that this one extends, later ones overriding earlier ones; paths relative to this file",
    anyOf: [path, { type: "array", items: path }],
  };
  return {
    $schema,
    title: "densekit config",
    anyOf: anyOf.map((part) => {
      const schema = asSchema(part);
      return { ...schema, properties: { extends: bases, ...schema.properties } };
    }),
    ...($defs === undefined ? {} : { $defs: mapValues($defs, loosen) }),
  };
}

function loosen(schema: JsonSchema): JsonSchema {
  const { required: _, oneOf, anyOf = oneOf, items, properties, maximum, ...rest } = schema;
  return {
    ...rest,
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map((part) => loosen(asSchema(part))) }),
    ...(items === undefined
      ? {}
      : { items: typeof items === "object" && !Array.isArray(items) ? loosen(items) : items }),
    ...(properties === undefined ? {} : { properties: mapValues(properties, (inner) => nullable(loosen(inner))) }),
  };
}

/** Adds null to what a schema allows; its description stays outside, where editors look for it. */
function nullable(schema: JsonSchema): JsonSchema {
  if (schema.const !== undefined) return schema; // a discriminator: deleting it makes no sense
  const { description, default: fallback, ...rest } = schema;
  return {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    anyOf: [rest, { type: "null" }],
  };
}

function mapValues(
  record: Readonly<Record<string, JsonSchema | boolean>>,
  change: (schema: JsonSchema) => JsonSchema,
): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(asSchema(value))]));
}

function asSchema(schema: JsonSchema | boolean): JsonSchema {
  return typeof schema === "boolean" ? {} : schema;
}
