import { z } from "zod";
import { configSchema } from "./schema.js";

type JsonSchema = z.core.JSONSchema.JSONSchema;

/**
 * The JSON Schema of config files, for editors. It is looser than the check of the whole config in three ways, since a
 * file may be only a part: nothing is required, null deletes any key, and there is `extends`.
 */
export function toJsonSchema(): JsonSchema {
  const whole = z.toJSONSchema(configSchema, { io: "input" });
  const { $schema, ...rest } = loosen(whole);
  const parts = rest.anyOf ?? [];
  const path = { type: "string" } as const;
  const bases: JsonSchema = {
    description: "Config files this one is laid over, the later over the earlier; paths from this file",
    anyOf: [path, { type: "array", items: path }],
  };
  return {
    $schema: $schema ?? "https://json-schema.org/draft/2020-12/schema",
    title: "densekit config",
    anyOf: parts.map((part) => {
      const schema = part as JsonSchema;
      return { ...schema, properties: { extends: bases, ...schema.properties } };
    }),
  };
}

function loosen(schema: JsonSchema): JsonSchema {
  const { required: _, oneOf, ...rest } = schema;
  const result: JsonSchema = { ...rest };
  if (oneOf !== undefined) result.anyOf = oneOf;
  if (result.anyOf !== undefined) result.anyOf = result.anyOf.map((part) => loosen(part as JsonSchema));
  if (typeof result.items === "object" && !Array.isArray(result.items))
    result.items = loosen(result.items as JsonSchema);
  if (schema.properties !== undefined) {
    result.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([key, value]) => [key, nullable(loosen(value as JsonSchema))]),
    );
  }
  return result;
}

function nullable({ description, default: fallback, ...schema }: JsonSchema): JsonSchema {
  return {
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    anyOf: [schema, { type: "null" }],
  };
}
