import { z } from "zod";
import { nameOfSameMeaning, nearestName } from "../errors.js";
import { originAt, type Tree } from "./tree.js";

type Issue = z.core.$ZodIssue;

/** The most lines that a message shows; in a file that is not a config, everything is wrong. */
const MOST_LINES = 10;

/** The lines of an error message for the schema's issues: each with place, path and what to do. */
export function explainIssues(schema: z.ZodType, tree: Tree, input: unknown, issues: readonly Issue[]): string[] {
  const count = issues.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? issue.keys.length : 1), 0);
  const shown = issues.slice(0, MOST_LINES).flatMap((issue) => {
    if (issue.code === "unrecognized_keys") return explainUnknownKeys(schema, tree, input, issue);
    const { place } = originAt(tree, issue.path);
    return [`${place}: ${pathName(issue.path)}: ${explainIssue(issue, valueAt(input, issue.path))}`];
  });
  return [...shown.slice(0, MOST_LINES), ...(count > MOST_LINES ? [`and ${count - MOST_LINES} more`] : [])];
}

/** Unknown keys among those set to null to delete a base's value: they give the same issues as other unknown keys. */
export function unknownNulls(schema: z.ZodType, tree: Tree, input: unknown): Issue[] {
  const issues: Issue[] = [];
  const visit = (node: Tree, path: readonly PropertyKey[]): void => {
    if (node.kind === "list") for (const [i, item] of node.items.entries()) visit(item, [...path, i]);
    if (node.kind !== "map") return;
    const found = schemaAt(schema, input, path);
    const isUnknown = (key: string, value: Tree) =>
      value.kind === "scalar" &&
      value.value === null &&
      found instanceof z.ZodObject &&
      !Object.hasOwn(found.shape, key);
    const keys = [...node.entries].filter(([key, { value }]) => isUnknown(key, value)).map(([key]) => key);
    if (keys.length > 0) issues.push({ code: "unrecognized_keys", keys, path: [...path], message: "", input: {} });
    for (const [key, { value }] of node.entries) visit(value, [...path, key]);
  };
  visit(tree, []);
  return issues;
}

function explainUnknownKeys(
  schema: z.ZodType,
  tree: Tree,
  input: unknown,
  issue: z.core.$ZodIssueUnrecognizedKeys,
): string[] {
  const keys = keysAt(schema, input, issue.path);
  const type = valueAt(input, [...issue.path, "type"]);
  const kind = typeof type === "string" && keys.includes("type") ? ` where type is ${type}` : "";
  return issue.keys.slice(0, MOST_LINES).map((key) => {
    const path = [...issue.path, key];
    const nearest = nameOfSameMeaning(key, keys) ?? nearestName(key, keys);
    const [before, after] = key.split(":");
    const isRunTogether = after !== undefined && keys.includes(before!);
    const hint = isRunTogether
      ? `YAML needs a blank after the colon: "${before}: ${after}"`
      : nearest === undefined
        ? `possible are ${keys.join(", ")}`
        : `did you mean "${nearest}"?`;
    return `${originAt(tree, path, "key").place}: ${pathName(path)}: unknown key${kind}; ${hint}`;
  });
}

function explainIssue(issue: Issue, value: unknown): string {
  const got = value === undefined ? "is missing" : `got ${describe(value)}`;
  switch (issue.code) {
    case "invalid_type":
      return value === undefined ? `is missing; expected ${typeName(issue)}` : `expected ${typeName(issue)}, ${got}`;
    case "invalid_value":
      return explainChoice(issue.values, value);
    case "invalid_union":
      if ("options" in issue && Array.isArray(issue.options)) return explainChoice(issue.options, value);
      return explainForms(issue.errors, value);
    case "too_small": {
      if (issue.origin === "array") return `expected ${listLength(issue.exact, "at least", issue.minimum)}, ${got}`;
      if (issue.origin === "string") return "must not be empty";
      return `must be ${issue.inclusive ? "at least" : "above"} ${issue.minimum}, ${got}`;
    }
    case "too_big":
      if (issue.origin === "array") return `expected ${listLength(issue.exact, "at most", issue.maximum)}, ${got}`;
      return `must be ${issue.inclusive ? "at most" : "below"} ${issue.maximum}, ${got}`;
    default:
      return issue.message;
  }
}

/** Of a value that may have one of several forms: what is wrong with it in the form it has, or which forms there are. */
function explainForms(forms: readonly (readonly Issue[])[], value: unknown): string {
  const isOther = ({ path, code }: Issue) => path.length === 0 && (code === "invalid_type" || code === "invalid_value");
  const [own] = forms.find((issues) => !issues.some(isOther)) ?? [];
  if (own !== undefined) {
    const where = own.path.length === 0 ? "" : `${pathName(own.path)}: `;
    return `${where}${explainIssue(own, valueAt(value, own.path))}`;
  }
  const choices = forms.flat().flatMap((issue) => {
    if (issue.code === "invalid_value") return issue.values.map(String);
    return issue.code === "invalid_type" ? [typeName(issue)] : [];
  });
  return explainChoice(choices, value);
}

function explainChoice(options: readonly unknown[], value: unknown): string {
  const list = `${options.length === 1 ? "must be" : "must be one of"} ${options.map(String).join(", ")}`;
  if (value === undefined) return `is missing; it ${list}`;
  const nearest = typeof value === "string" ? nearestName(value, options.map(String)) : undefined;
  return `${list}; got ${describe(value)}${nearest === undefined ? "" : `: did you mean "${nearest}"?`}`;
}

function typeName(issue: z.core.$ZodIssueInvalidType): string {
  const names: Readonly<Record<string, string>> = {
    object: "a mapping",
    record: "a mapping",
    array: "a list",
    tuple: "a list",
    string: "a text",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
  };
  return names[issue.expected] ?? issue.expected;
}

function listLength(exact: boolean | undefined, bound: string, length: number | bigint): string {
  return `a list of ${exact ? "" : `${bound} `}${length} ${Number(length) === 1 ? "value" : "values"}`;
}

const LONGEST_TEXT = 200;

function describe(value: unknown): string {
  if (value === null) return "nothing (null)";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "a mapping";
  if (typeof value === "string" && value.length > LONGEST_TEXT) return `a text of ${value.length} characters`;
  if (typeof value === "string") return `the text "${value}"`;
  return String(value);
}

/** `data.train.0.size`; "the config" for the top. */
export function pathName(path: readonly PropertyKey[]): string {
  return path.length === 0 ? "the config" : path.map(String).join(".");
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, step)) return undefined;
    current = Reflect.get(current, step);
  }
  return current;
}

function keysAt(schema: z.ZodType, input: unknown, path: readonly PropertyKey[]): string[] {
  const found = schemaAt(schema, input, path);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

/** The schema at a path, with unions decided by the input's discriminators; undefined if there is none. */
export function schemaAt(
  schema: z.core.$ZodType,
  input: unknown,
  path: readonly PropertyKey[],
): z.core.$ZodType | undefined {
  const own = decide(schema, input);
  const [step, ...rest] = path;
  if (step === undefined || own === undefined) return own;
  const inner =
    own instanceof z.ZodObject
      ? ownProperty(own.shape, String(step))
      : own instanceof z.ZodArray
        ? own.element
        : own instanceof z.ZodTuple
          ? own.def.items[Number(step)]
          : undefined;
  return inner === undefined ? undefined : schemaAt(inner, valueAt(input, [step]), rest);
}

function ownProperty<T>(object: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Unwraps defaults and optionals, and picks the member of a union that the input's discriminator names. */
function decide(schema: z.core.$ZodType, input: unknown): z.core.$ZodType | undefined {
  if (
    schema instanceof z.ZodExactOptional ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  ) {
    return decide(schema.unwrap(), input);
  }
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  const { discriminator, options } = schema.def;
  const named = valueAt(input, [discriminator]);
  return options.find((option) => {
    const field = option instanceof z.ZodObject ? option.shape[discriminator] : undefined;
    return field instanceof z.ZodLiteral && [...field.values].some((value) => value === named);
  });
}
