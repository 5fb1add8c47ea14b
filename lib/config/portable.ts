import { basename, dirname, extname, join } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.js";
import { displayName } from "../files.js";
import { pathFields } from "../schemas/fields.js";
import { pathName, schemaAt } from "./explain.js";
import { type LoadedConfig, type LoadOptions, resolveTree } from "./load.js";
import { loadPlugins } from "./plugins.js";
import { type Config, configSchema } from "./schema.js";
import { merge, parseYaml, plainOf, type Tree, type TreeMap, treeOf } from "./tree.js";

/*
 * A config that travels with a model, in the model's own file: how the model is built, what images go through, how it was trained.
 * It names no file: what a path means is known on one machine alone, and who wrote the file may be anybody.
 */

/** The keys it may have. */
const PORTABLE = ["task", "model", "data", "training"] as const;
/** The key of plugins, which are files: those of a model's config are looked for beside it. */
const PLUGINS = "plugins";
const SPLITS = ["train", "val"] as const;

/** The path of a data set that a portable config has in place of one. */
export const NO_DATA_SET = "no data set";

/** A config for a model's file: without paths, and without what needs one. */
export function portableConfig(config: Config): object {
  const { train: _, val: __, ...data } = config.data;
  const { task, model, training } = config;
  const whole = { task, model, data, training };
  const portable = Object.fromEntries(PORTABLE.map((key) => [key, withoutPaths(config, whole[key], [key])]));
  const needed = SPLITS.map((split) => [split, neededOf(config, split)] as const).filter(
    ([, keys]) => keys !== undefined,
  );
  return {
    ...portable,
    ...(needed.length > 0 && { data: { ...(portable.data as object), ...Object.fromEntries(needed) } }),
    ...(config.plugins && { [PLUGINS]: config.plugins.map((file) => `./${basename(file)}`) }),
  };
}

/** What the schema of a data set asks for besides paths, such as the number of images to be drawn; undefined if that is nothing. */
function neededOf(config: Config, split: (typeof SPLITS)[number]): object | undefined {
  const schema = schemaAt(configSchema(), config, ["data", split]);
  const values = Object.entries(config.data[split]).filter(([key]) => isRequired(schema, key));
  const kept = values.flatMap(([key, value]) => {
    const left = withoutPaths(config, value, ["data", split, key]);
    return left === undefined ? [] : [[key, left] as const];
  });
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** Undefined for what cannot be without a path it has: who holds it is then without it, or cannot be either. */
function withoutPaths(config: Config, value: unknown, path: readonly string[]): unknown {
  const schema = schemaAt(configSchema(), config, path);
  if (schema !== undefined && pathFields.has(schema)) return undefined;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value; // lists have no paths
  const kept: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    const left = withoutPaths(config, inner, [...path, key]);
    if (left === undefined && isRequired(schema, key)) return undefined;
    if (left !== undefined) kept[key] = left;
  }
  return kept;
}

function isRequired(schema: z.core.$ZodType | undefined, key: string): boolean {
  const field = schema instanceof z.ZodObject ? schema.shape[key] : undefined;
  return field !== undefined && !field.safeParse(undefined).success && !(field instanceof z.ZodExactOptional);
}

/**
 * Reads what `portableConfig` gave, as YAML or JSON. Its data sets are none until overrides name some.
 *
 * @param file the model's file
 * @throws UserError as `loadConfig`, and where it names files or says more than such a config may
 */
export function loadPortableConfig(text: string, file: string, options: LoadOptions = {}): LoadedConfig {
  const tree = parseYaml(text, `${displayName(file)}: its config`, dirname(file));
  if (tree.kind !== "map") throw new UserError(`${tree.origin.place}: a config is a mapping of keys to values`);
  checkKeys(tree);
  loadPlugins(tree, { ...options, foreign: true });
  refusePaths(tree);
  return resolveTree(merge(missingDataSets(tree, file), tree), basename(file, extname(file)), options);
}

function checkKeys({ entries }: TreeMap): void {
  for (const [key, { keyOrigin }] of entries) {
    if (key === PLUGINS || (PORTABLE as readonly string[]).includes(key)) continue;
    throw new UserError(
      `${keyOrigin.place}: ${key}: the config in a model's file may hold nothing but ${[...PORTABLE, PLUGINS].join(", ")}`,
    );
  }
}

function refusePaths(tree: Tree): void {
  const input = plainOf(tree);
  const visit = (node: Tree, path: readonly PropertyKey[]): void => {
    if (node.kind === "map") for (const [key, { value }] of node.entries) visit(value, [...path, key]);
    if (node.kind === "list") for (const [i, item] of node.items.entries()) visit(item, [...path, i]);
    const schema = schemaAt(configSchema(), input, path);
    if (schema === undefined || !pathFields.has(schema) || path[0] === PLUGINS) return;
    throw new UserError(
      `${node.origin.place}: ${pathName(path)}: the config in a model's file may name no files; name yours with --set`,
    );
  };
  visit(tree, []);
}

/** What the schema asks for of data sets: paths that lead nowhere, since a file is no folder. */
function missingDataSets(tree: Tree, file: string): Tree {
  const input = plainOf(tree);
  const splits = SPLITS.map((split): [string, object] => {
    const schema = schemaAt(configSchema(), input, ["data", split]);
    const fields = schema instanceof z.ZodObject ? Object.entries(schema.shape) : [];
    const paths = fields.filter(([, field]) => pathFields.has(field));
    return [split, Object.fromEntries(paths.map(([name]) => [name, join(file, NO_DATA_SET)]))];
  });
  return treeOf({ data: Object.fromEntries(splits) }, { place: displayName(file), folder: dirname(file) });
}
