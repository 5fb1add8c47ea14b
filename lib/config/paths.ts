import { resolve } from "node:path";
import type { z } from "zod";
import { UserError } from "../errors.js";
import { isAddress } from "../schemas/address.js";
import { pathFields } from "../schemas/fields.js";
import { pathName, schemaAt } from "./explain.js";
import { type Config, configSchema } from "./schema.js";
import { plainOf, type Tree, type TreeScalar } from "./tree.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** Values of variables that are not set. */
const DEFAULTS: Readonly<Record<string, string>> = { DENSEKIT_DATA: "data" };

/**
 * Makes every path in a config absolute. `${NAME}` and `${NAME:-otherwise}` stand for environment variables; a path
 * that starts with one is relative to the working folder, any other to the file it is in. DENSEKIT_DATA, the folder of
 * the data sets, is `data` in the working folder if it is not set.
 *
 * @throws UserError naming the place when a variable is not set and has no default
 */
export function resolvePaths(schema: z.ZodType, tree: Tree, environment: Environment): Tree {
  const input = plainOf(tree);
  const visit = (node: Tree, path: readonly PropertyKey[]): Tree => {
    if (node.kind === "list") return { ...node, items: node.items.map((item, i) => visit(item, [...path, i])) };
    if (node.kind === "map") {
      const entries = [...node.entries].map(
        ([key, entry]) => [key, { ...entry, value: visit(entry.value, [...path, key]) }] as const,
      );
      return { ...node, entries: new Map(entries) };
    }
    const found = schemaAt(schema, input, path);
    const rule = found === undefined ? undefined : pathFields.get(found);
    if (rule === undefined || typeof node.value !== "string" || node.value === "") return node;
    const { besides } = rule;
    if (besides !== undefined && (besides.includes(node.value) || isAddress(node.value))) return node;
    const base = rule.relativeTo === "file" && !node.value.startsWith("${") ? node.origin.folder : process.cwd();
    return { ...node, value: resolve(base, expand(node, node.value, path, environment)) };
  };
  return visit(tree, []);
}

function expand(node: TreeScalar, text: string, path: readonly PropertyKey[], environment: Environment): string {
  return text.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g, (_, name: string, otherwise?: string) => {
    const value = ownText(environment, name) || (otherwise ?? ownText(DEFAULTS, name));
    if (value === undefined) {
      throw new UserError(
        `${node.origin.place}: ${pathName(path)}: the environment variable ${name} is not set; set it, or write \${${name}:-otherwise}`,
      );
    }
    return value;
  });
}

const ownText = (texts: Environment, name: string): string | undefined =>
  Object.hasOwn(texts, name) ? texts[name] : undefined;

export type Split = "train" | "val";

/** What a config's split names first of annotations, a list or images: its name in messages. */
export function splitPlace(config: Config, split: Split): string {
  const paths = pathsOf(config, split);
  const named = ["annotations", "labels", "images"].flatMap((key) => paths.filter(([name]) => name === key));
  return (named[0] ?? paths[0])?.[1] ?? `data.${split}`;
}

/** The files and folders that a config's split names, by their keys. */
export function pathsOf(config: Config, split: Split): [name: string, path: string][] {
  const isPath = (name: string): boolean => {
    const schema = schemaAt(configSchema(), config, ["data", split, name]);
    return schema !== undefined && pathFields.has(schema);
  };
  return Object.entries(config.data[split]).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && isPath(entry[0]),
  );
}
