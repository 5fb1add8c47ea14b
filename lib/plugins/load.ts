import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { reasonIn, UserError } from "../errors.js";
import { addingFrom } from "../schemas/origins.js";
import { type Plugin, pluginHost } from "./host.js";

/** The files loaded in this process, or thread, with what removes their parts. */
const loaded = new Map<string, () => void>();

let listener: (file: string) => void = () => undefined;

/** Sets what is told of each plugin when it is loaded: whoever runs a program ought to know whose code runs in it. */
export function onPlugin(tell: (file: string) => void): void {
  listener = tell;
}

/**
 * Loads a plugin, once: the parts it registers can then be named by configs. It is loaded at once, not asynchronously, since configs
 * are read so.
 *
 * @param file its absolute path @param name what it is called in messages
 * @returns a function that removes its parts again
 * @throws UserError when it cannot be loaded, fails, or a part of a name exists already; then none of its parts stays
 */
export function loadPlugin(file: string, name = file): () => void {
  const before = loaded.get(file);
  if (before !== undefined) return before;
  if (!existsSync(file)) throw new UserError(`${name}: no such plugin`);
  listener(name);
  const register = registerOf(importNow(file, name), name);
  const thread = new URL("./inThread.js", import.meta.url);
  thread.searchParams.set("plugin", file);
  const removals: (() => void)[] = [];
  const unload = () => {
    for (const remove of removals.splice(0)) remove();
    loaded.delete(file);
  };
  try {
    const promise: unknown = addingFrom({ file, name }, () => register(pluginHost(thread.href, removals)));
    if (promise instanceof Promise) {
      promise.catch(() => undefined);
      throw new UserError("its function is asynchronous; parts must be registered by the time it returns");
    }
  } catch (error) {
    unload();
    throw new UserError(`${name}: the plugin cannot register its parts: ${reasonIn(error, file)}`);
  }
  loaded.set(file, unload);
  return unload;
}

/** @throws UserError when the module cannot be loaded */
function importNow(file: string, name: string): unknown {
  const features = process.features as { readonly typescript?: unknown };
  if (/\.[cm]?ts$/.test(file) && !features.typescript) {
    throw new UserError(
      `${name}: this Node (${process.version}) runs no TypeScript; give the plugin as JavaScript, or use Node 22.18 or later`,
    );
  }
  try {
    return createRequire(import.meta.url)(file);
  } catch (error) {
    const isAsync = (error as { readonly code?: unknown } | null)?.code === "ERR_REQUIRE_ASYNC_MODULE";
    const reason = isAsync ? "it uses await outside of functions, which a plugin cannot" : reasonIn(error, file);
    throw new UserError(`${name}: the plugin cannot be loaded: ${reason}`);
  }
}

function registerOf(module: unknown, name: string): Plugin {
  const exported = (typeof module === "object" && module !== null ? module : {}) as Record<string, unknown>;
  const register = exported.register ?? exported.default ?? module;
  if (typeof register === "function") return register as Plugin;
  throw new UserError(
    `${name}: not a plugin: it exports no function, as default or as register, which would be given what registers parts`,
  );
}
