import { z } from "zod";
import { UserError } from "../errors.js";
import { displayName } from "../files.js";
import { loadPlugin } from "../plugins/load.js";
import { filePath } from "../schemas/fields.js";
import { applyOverrides } from "./overrides.js";
import { resolvePaths } from "./paths.js";
import type { Tree } from "./tree.js";

/** Those of `LoadOptions` that decide on plugins. */
interface PluginOptions {
  readonly overrides?: readonly string[];
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly foreign?: boolean;
  readonly allowPlugins?: boolean;
}

const pluginsOf = (tree: Tree): Tree | undefined =>
  tree.kind === "map" ? tree.entries.get("plugins")?.value : undefined;

/**
 * Loads the plugins that a config names, before it is checked: their parts then belong to what it may name.
 *
 * @throws UserError when one cannot be loaded, or the config is foreign and its own plugins are not allowed
 */
export function loadPlugins(
  tree: Tree,
  { overrides = [], environment = process.env, foreign, allowPlugins }: PluginOptions,
): void {
  const overridden = applyOverrides(tree, overrides);
  const named = pluginsOf(overridden);
  if (named?.kind !== "list") return; // what is wrong is said when the config is checked
  const isOwn = named === pluginsOf(tree);
  if (foreign && isOwn && allowPlugins !== true && named.items.length > 0) throw notAllowed(named);
  const resolved = pluginsOf(resolvePaths(z.looseObject({ plugins: z.array(filePath("")) }), overridden, environment));
  for (const item of resolved?.kind === "list" ? resolved.items : []) {
    if (item.kind !== "scalar" || typeof item.value !== "string" || item.value === "") continue;
    try {
      loadPlugin(item.value, displayName(item.value));
    } catch (error) {
      throw error instanceof UserError ? new UserError(`${item.origin.place}: plugins: ${error.message}`) : error;
    }
  }
}

function notAllowed({ origin, items }: Extract<Tree, { kind: "list" }>): UserError {
  const names = items.map((item) => (item.kind === "scalar" ? String(item.value) : "…"));
  return new UserError(
    `${origin.place}: plugins: the config comes with a model or from an address, and names plugins (${names.join(", ")}); ` +
      "plugins are code that would run on this machine: look at them, and allow them with --allow-plugins (in the API " +
      "allowPlugins: true), or name your own with --set plugins=[FILE]",
  );
}
