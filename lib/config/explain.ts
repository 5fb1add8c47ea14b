import { z } from "zod";
import { nearestName } from "../errors.js";
import { originAt, type Tree } from "./tree.js";

type Issue = z.core.$ZodIssue;

/** The lines of an error message for what the schema found wrong: each with place, path and what to do. */
export function explainIssues(schema: z.ZodType, tree: Tree, input: unknown, issues: readonly Issue[]): string[] {
  return issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") return explainUnknownKeys(schema, tree, input, issue);
    const { place } = originAt(tree, issue.path);
    return [`${place}: ${pathName(issue.path)}: ${explainIssue(issue, valueAt(input, issue.path))}`];
  });
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
  return issue.keys.map((key) => {
    const path = [...issue.path, key];
    const nearest = nearestName(key, keys);
    const hint = nearest === undefined ? `possible are ${keys.join(", ")}` : `did you mean "${nearest}"?`;
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
      return explainChoice("options" in issue && Array.isArray(issue.options) ? issue.options : [], value);
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

function describe(value: unknown): string {
  if (value === null) return "nothing (null)";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "a mapping";
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

/** The schema of what stands at a path, unions decided by the input's discriminators; undefined where there is none. */
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
      ? own.shape[String(step)]
      : own instanceof z.ZodArray
        ? own.element
        : own instanceof z.ZodTuple
          ? own.def.items[Number(step)]
          : undefined;
  return inner === undefined ? undefined : schemaAt(inner, valueAt(input, [step]), rest);
}

/** Takes off defaults and optionals, and picks the member of a union that the input's discriminator names. */
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
