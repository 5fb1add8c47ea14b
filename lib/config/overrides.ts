import { UserError } from "../errors.js";
import {
  merge,
  type Origin,
  parseYaml,
  plainOf,
  safeKey,
  type Tree,
  type TreeMap,
  treeOf,
  YAML_LIMITS,
} from "./tree.js";

/**
 * Merges `a.b.c=value` texts over a config, all together, so that their order only matters for texts with the same
 * path. The schema decides whether a path exists: an unknown one is reported with the text as its place.
 *
 * @throws UserError with exit code 2 when a text is not `path=value` or its value is not YAML
 */
export function applyOverrides(tree: Tree, texts: readonly string[]): Tree {
  if (texts.length === 0) return tree;
  return merge(tree, texts.map(parseOverride).reduce(merge));
}

function parseOverride(text: string): Tree {
  const equals = text.indexOf("=");
  const path = text.slice(0, Math.max(0, equals)).trim();
  const steps = path.split(".");
  if (steps.length > YAML_LIMITS.depth) throw new UserError(`--set ${path.slice(0, 60)}…: the path is too long`, 2);
  if (equals < 0 || steps.includes("")) {
    throw new UserError(`--set ${text}: expected a.b.c=value, for example training.optimizer.lr=1e-4`, 2);
  }
  if (steps[0] === "extends") throw new UserError(`--set ${text}: extends can only be set in a file`, 2);
  const origin: Origin = { place: `--set ${text}`, folder: process.cwd() };
  const value = treeOf(plainOf(parseValue(text.slice(equals + 1), text)), origin);
  return steps.reduceRight<Tree>((inner, key): TreeMap => {
    return { kind: "map", origin, entries: new Map([[safeKey(key, origin, 2), { keyOrigin: origin, value: inner }]]) };
  }, value);
}

function parseValue(value: string, text: string): Tree {
  try {
    return parseYaml(value, "value", process.cwd());
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`--set ${text}: the value is not valid YAML; quote strings with special characters`, 2);
  }
}
