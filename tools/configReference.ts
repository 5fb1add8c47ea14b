import { z } from "zod";
import { configSchema } from "../lib/config/schema.js";

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** A table of the reference: the keys of a mapping, or of several with the same keys. */
interface Section {
  readonly paths: Set<string>;
  /** The mapping's own `type`, if it has one. */
  readonly type: string | undefined;
  /** The choice it is part of, such as `task: segmentation`. */
  readonly choices: Set<string>;
  readonly about: string | undefined;
  readonly table: string;
}

/** The position of a mapping. */
interface Place {
  readonly path: string;
  readonly choice: string;
  readonly about?: string | undefined;
}

const INTRODUCTION = `# Config reference

Every key of a config, generated from the schema by \`npm run generate\`. A key without a default must be set; "–" marks
a key that may be left out and then has no value. \`densekit config FILE --origins\` prints a complete config and where
each value comes from; [Configs](configs.md) says how files extend one another.
`;

/** The reference of all config keys as Markdown. */
export function configReference(): string {
  const sections: Section[] = [];
  const root = z.toJSONSchema(configSchema(), { io: "input", reused: "inline" });
  for (const task of root.oneOf ?? []) addMapping(sections, asSchema(task), { path: "", choice: "" });
  return [INTRODUCTION, ...sections.map((section) => markdownOf(section, sections))].join("\n");
}

/** Adds the tables of a mapping and the mappings in it, unless there is an equal one. */
function addMapping(sections: Section[], schema: JsonSchema, { path, choice, about }: Place): void {
  const properties = Object.entries(schema.properties ?? {}).map(([key, value]) => [key, asSchema(value)] as const);
  const [key, { const: name }] = properties.find(([, value]) => value.const !== undefined) ?? ["", {}];
  const type = name === undefined ? undefined : `${key}: ${name}`;
  const table = tableOf(properties, schema.required ?? []);
  const known = sections.find((other) => other.table === table && other.about === about);
  if (known === undefined) {
    sections.push({ paths: new Set([path]), type, choices: new Set([choice]), about, table });
  } else {
    known.paths.add(path);
    known.choices.add(choice);
  }
  const inner = type === undefined ? choice : `${path === "" ? "" : `${path}.`}${type}`;
  for (const [key, value] of properties) {
    addInner(sections, value, { path: path === "" ? key : `${path}.${key}`, choice: inner });
  }
}

function addInner(sections: Section[], schema: JsonSchema, { path, choice }: Place): void {
  const place = { path, choice, about: schema.description };
  if (schema.properties !== undefined) addMapping(sections, schema, place);
  for (const one of schema.oneOf ?? []) addMapping(sections, asSchema(one), place);
  if (schema.type === "array" && !Array.isArray(schema.items)) {
    addInner(sections, asSchema(schema.items), { path: `${path}[]`, choice });
  }
}

function markdownOf(section: Section, all: readonly Section[]): string {
  const { about, table } = section;
  const title = titleOf(section);
  const twice = all.filter((other) => titleOf(other) === title).length > 1;
  const where = twice ? ` where ${[...section.choices].map(code).join(" or ")}` : "";
  return [`## ${title}${where}`, "", ...(about === undefined ? [] : [`${about}.`, ""]), table, ""].join("\n");
}

function titleOf({ paths, type }: Section): string {
  const names = [...paths].filter((path) => path !== "").map(code);
  const place = names.length === 0 ? "Top level" : names.join(", ");
  return type === undefined ? place : `${place} with ${code(type)}`;
}

function tableOf(properties: readonly (readonly [string, JsonSchema])[], required: readonly string[]): string {
  const rows = properties.map(([key, value]) =>
    row([code(key), typeOf(value), defaultOf(value, required.includes(key)), value.description ?? ""]),
  );
  return [row(["key", "value", "default", "meaning"]), row(["---", "---", "---", "---"]), ...rows].join("\n");
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(", ");
  if (schema.anyOf !== undefined) return schema.anyOf.map((one) => typeOf(asSchema(one))).join(", or ");
  if (schema.oneOf !== undefined || schema.type === "object") return "mapping";
  if (schema.type === "array") return listOf(schema);
  if (schema.type === "integer") return `whole number ${limits(schema)}`.trim();
  if (schema.type === "number") return `number ${limits(schema)}`.trim();
  return schema.type === "boolean" ? "`true`, `false`" : "text";
}

function listOf({ prefixItems, items }: JsonSchema): string {
  const each = (prefixItems ?? [Array.isArray(items) ? undefined : items]).map((item) => typeOf(asSchema(item)));
  return `list${prefixItems === undefined ? "" : ` of ${each.length}`}: ${[...new Set(each)].join("; ")}`;
}

function limits({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  return [
    ...(minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? [] : [`≥ ${minimum}`]),
    ...(exclusiveMinimum === undefined ? [] : [`> ${exclusiveMinimum}`]),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? [] : [`≤ ${maximum}`]),
    ...(exclusiveMaximum === undefined ? [] : [`< ${exclusiveMaximum}`]),
  ].join(", ");
}

function defaultOf({ default: value, type, oneOf }: JsonSchema, required: boolean): string {
  if (required) return "required";
  if (value === undefined) return "–";
  return type === "object" || oneOf !== undefined ? "its keys'" : code(value);
}

const row = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("<", "&lt;")).join(" | ")} |`;

const code = (value: unknown): string => `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;

function asSchema(schema: JsonSchema | boolean | undefined): JsonSchema {
  return typeof schema === "object" ? schema : {};
}
