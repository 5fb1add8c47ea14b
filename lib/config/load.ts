import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { nearestName, UserError } from "../errors.js";
import { describeFileError, displayName, readBytesSync } from "../files.js";
import { explainIssues, unknownNulls } from "./explain.js";
import { applyOverrides } from "./overrides.js";
import { resolvePaths } from "./paths.js";
import { loadPlugins } from "./plugins.js";
import { type Config, type ConfigInput, configSchema } from "./schema.js";
import {
  merge,
  originAt,
  parseYaml,
  plainOf,
  type Tree,
  type TreeMap,
  tooLong,
  treeOf,
  withoutNulls,
  YAML_LIMITS,
} from "./tree.js";

/** How a config is completed. */
export interface LoadOptions {
  /** `a.b.c=value`, the value as YAML; null deletes. Of several for the same path, the last counts. */
  readonly overrides?: readonly string[];
  /** Variables for `${NAME}` in paths. Default: the process's. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The config is somebody else's, as one in a model's file is: its plugins are loaded with `allowPlugins` alone. */
  readonly foreign?: boolean;
  /** Plugins are code: those of another's config run only where this is true. */
  readonly allowPlugins?: boolean;
}

/** A config that was read, checked and completed. */
export interface LoadedConfig {
  readonly config: Config;
  /** The file's name without its ending; "unnamed" for a config given as an object. */
  readonly name: string;
  /** Where the value at a path such as `training.seed` was written; undefined if it is a default. */
  originOf(path: string): string | undefined;
}

/**
 * Reads a config file with everything it extends, applies overrides and checks the whole.
 *
 * @throws UserError naming file, line, column and path of everything wrong, and what to do about it
 */
export function loadConfig(path: string, options: LoadOptions = {}): LoadedConfig {
  const file = findConfig(path);
  const tree = treeReader()(file, []);
  refuseData(tree, path);
  loadPlugins(tree, options);
  return resolveTree(tree, basename(file, extname(file)), options);
}

/** The same for a config given as an object; relative paths are relative to the working folder. */
export function resolveConfig(
  value: ConfigInput | Readonly<Record<string, unknown>>,
  options: LoadOptions = {},
): LoadedConfig {
  const tree = withBases(treeOf(value, { place: "config", folder: process.cwd() }), [], treeReader());
  loadPlugins(tree, options);
  return resolveTree(tree, "unnamed", options);
}

/** Files that are taken for configs: keys at their top, what they are, and what to do with them. */
const NO_CONFIGS: readonly (readonly [keys: readonly string[], what: string])[] = [
  [["names", "train"], "the data.yaml of a YOLO data set"],
  [["images", "annotations"], "a COCO file"],
];

/** @throws UserError where the file describes a data set */
function refuseData(tree: Tree, path: string): void {
  if (tree.kind !== "map" || tree.entries.has("extends") || tree.entries.has("data")) return;
  const found = NO_CONFIGS.find(([keys]) => keys.every((key) => tree.entries.has(key)));
  if (found === undefined) return;
  throw new UserError(`${path}: ${found[1]}, not a config; densekit init ${path} checks it and writes a config for it`);
}

/** The same for a config that has been read, and whose plugins are loaded. @param name what its run is called by default */
export function resolveTree(tree: Tree, name: string, options: LoadOptions): LoadedConfig {
  const named = treeOf({ output: `runs/${name}` }, { place: "default", folder: process.cwd() });
  const overridden = merge(named, applyOverrides(tree, options.overrides ?? []));
  const pruned = merge(named, withoutNulls(overridden));
  const resolved = resolvePaths(configSchema(), pruned, options.environment ?? process.env);
  const input = plainOf(resolved);
  const result = configSchema().safeParse(input);
  const nulls = unknownNulls(configSchema(), overridden, input);
  if (!result.success || nulls.length > 0) {
    const issues = [...nulls, ...(result.error?.issues ?? [])];
    // Nulls are only in the tree from before such keys were removed.
    throw new UserError(explainIssues(configSchema(), overridden, input, issues).join("\n"));
  }
  return {
    config: result.data,
    name,
    originOf(path) {
      const steps = path.split(".");
      return has(resolved, steps) ? originAt(resolved, steps).place : undefined;
    },
  };
}

function has(tree: Tree, steps: readonly string[]): boolean {
  const [step, ...rest] = steps;
  if (step === undefined) return true;
  const inner =
    tree.kind === "map" ? tree.entries.get(step)?.value : tree.kind === "list" ? tree.items[+step] : undefined;
  return inner !== undefined && has(inner, rest);
}

/** Reads a file with everything it extends. @param within the files that extend it, the outermost first */
type ReadTree = (file: string, within: readonly string[]) => Tree;

/** How many files may extend each other in a row. */
const DEEPEST = 50;

/** Reads each file once, however often it is extended. */
function treeReader(): ReadTree {
  const known = new Map<string, Tree>();
  const read: ReadTree = (file, within) => {
    const found = known.get(file);
    if (found !== undefined) return found;
    const tree = withBases(parseYaml(textOf(file), displayName(file), dirname(file)), [...within, file], read);
    known.set(file, tree);
    return tree;
  };
  return read;
}

function textOf(file: string): string {
  const name = displayName(file);
  try {
    const stat = statSync(file);
    if (stat.size > YAML_LIMITS.bytes) throw tooLong(name, stat.size);
    return readBytesSync(file, name).toString("utf8");
  } catch (error) {
    throw describeFileError(error, name, "read");
  }
}

/** Merges a tree over the files it extends, later ones over earlier ones. */
function withBases(tree: Tree, within: readonly string[], read: ReadTree): Tree {
  if (tree.kind !== "map") {
    if (tree.kind === "scalar" && tree.value === null) {
      throw new UserError(`${tree.origin.place}: the config is empty`);
    }
    throw new UserError(`${tree.origin.place}: a config is a mapping of keys to values`);
  }
  const bases = baseFiles(tree).map(({ file, place }) => {
    if (within.includes(file)) {
      const cycle = [...within.slice(within.indexOf(file)), file].map(displayName).join(" → ");
      throw new UserError(`${place}: extends: the files extend each other in a cycle: ${cycle}`);
    }
    if (within.length >= DEEPEST) {
      throw new UserError(`${place}: extends: more than ${DEEPEST} files extend each other in a chain`);
    }
    if (!existsSync(file)) throw new UserError(`${place}: extends: ${displayName(file)}: no such file${suggest(file)}`);
    return read(file, within);
  });
  const own: TreeMap = { ...tree, entries: new Map([...tree.entries].filter(([key]) => key !== "extends")) };
  return [...bases, own].reduce(merge);
}

function baseFiles(tree: TreeMap): { file: string; place: string }[] {
  const extending = tree.entries.get("extends")?.value;
  if (extending === undefined) return [];
  const items = extending.kind === "list" ? extending.items : [extending];
  if (items.length > DEEPEST) {
    throw new UserError(
      `${extending.origin.place}: extends: ${items.length} files; ${DEEPEST} at most can be extended`,
    );
  }
  return items.map((item) => {
    if (item.kind !== "scalar" || typeof item.value !== "string" || item.value === "") {
      throw new UserError(`${item.origin.place}: extends: expected the path of a config file, or a list of them`);
    }
    const { place, folder } = item.origin;
    return { file: shippedBase(item.value, folder, place) ?? resolve(folder, item.value), place };
  });
}

const SHIPPED = "densekit/";
/** Where names are looked for below the shipped configs; others are named by their folder: densekit/schedules/1x. */
const SHIPPED_FOLDERS = ["", "_base_", join("_base_", "models")];

/**
 * The file of `densekit/NAME`: a config that comes with the package, wherever a package manager put it. A file of that path beside the
 * config is preferred.
 *
 * @throws UserError when the package has none of that name
 */
function shippedBase(text: string, folder: string, place: string): string | undefined {
  if (!text.startsWith(SHIPPED) || existsSync(resolve(folder, text))) return undefined;
  const name = text.slice(SHIPPED.length).replace(/(\.yaml)?$/, ".yaml");
  const found = shippedFile(name);
  if (found !== undefined) return found;
  const names = SHIPPED_FOLDERS.flatMap((below) => readdirSync(join(shippedConfigs(), below)))
    .filter((entry) => entry.endsWith(".yaml"))
    .map((entry) => basename(entry, ".yaml"));
  const nearest = nearestName(basename(name, ".yaml"), names);
  const hint = nearest === undefined ? "see the folder configs of the package" : `did you mean "${SHIPPED}${nearest}"?`;
  throw new UserError(`${place}: extends: no config of that name comes with densekit; ${hint}`);
}

function shippedFile(name: string): string | undefined {
  const files = SHIPPED_FOLDERS.map((below) => join(shippedConfigs(), below, name));
  return name.split("/").includes("..") ? undefined : files.find(existsSync);
}

function suggest(file: string): string {
  const folder = dirname(file);
  const name = basename(file).replace(/\.ya?ml$/i, "");
  if (shippedFile(`${name}.yaml`) !== undefined) return `; the one that comes with densekit is "${SHIPPED}${name}"`;
  if (!existsSync(folder)) return "";
  const nearest = nearestName(basename(file), readdirSync(folder));
  return nearest === undefined ? "" : `; did you mean "${nearest}"?`;
}

/** The folder of the configs that come with the package. */
export function shippedConfigs(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return join(folder, "configs");
    if (folder === dirname(folder)) return join(folder, "configs");
  }
}

/** A path as given, or the shipped config of that name, with or without its ending. */
function findConfig(path: string): string {
  if (existsSync(path)) return resolve(path);
  const folder = shippedConfigs();
  const shipped = join(folder, /\.ya?ml$/i.test(path) ? path : `${path}.yaml`);
  if (basename(path) === path && existsSync(shipped)) return shipped;
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".yaml")) : [];
  const nearest = nearestName(basename(shipped), names);
  const hint =
    nearest === undefined
      ? `give the path of a YAML file, or the name of one of the configs in ${displayName(folder)}`
      : `did you mean "${nearest}", which comes with densekit?`;
  throw new UserError(`cannot read the config ${path}: no such file; ${hint}`);
}
