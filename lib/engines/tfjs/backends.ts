import type * as Converter from "@tensorflow/tfjs-converter";
import type * as Core from "@tensorflow/tfjs-core";
import { UserError } from "../../errors.js";
import { isOwnProcess } from "../../process.js";
import type { Backend } from "./backendNames.js";
import type { NativeTensorFlow } from "./native.js";

/** A backend that has been loaded: native sessions, or the packages that run graph models. */
export type Loaded =
  | { readonly backend: "tensorflow"; readonly tf: NativeTensorFlow }
  | {
      readonly backend: Exclude<Backend, "tensorflow">;
      readonly core: typeof Core;
      readonly converter: typeof Converter;
    };

/** The version all @tensorflow packages must have, as they only work with each other. */
export const TFJS_VERSION = "4.22.0";

const PACKAGES: Readonly<Record<Exclude<Backend, "tensorflow">, readonly string[]>> = {
  webgpu: ["tfjs-core", "tfjs-converter", "tfjs-backend-cpu", "tfjs-backend-webgpu"],
  wasm: ["tfjs-core", "tfjs-converter", "tfjs-backend-cpu", "tfjs-backend-wasm"],
  cpu: ["tfjs-core", "tfjs-converter", "tfjs-backend-cpu"],
};

/** How to install a backend. */
export function howToInstall(backend: Backend): string {
  if (backend === "tensorflow") return "run `densekit engine install tensorflow`";
  const names = PACKAGES[backend].map((name) => `@tensorflow/${name}@${TFJS_VERSION}`);
  return `run \`npm install ${names.join(" ")}\``;
}

/** The first of the backends that this machine has. @throws UserError when it has none of them, with the reasons */
export async function loadBackend(backends: readonly Backend[]): Promise<Loaded> {
  const reasons: string[] = [];
  for (const backend of backends) {
    try {
      return await load(backend);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      reasons.push(error.message);
    }
  }
  throw new UserError(`engine.backends: none of ${backends.join(", ")} can be used here: ${reasons.join("; ")}`);
}

const loading = new Map<Backend, Promise<Loaded>>();

/** @throws UserError when the backend is not available here, saying why and what to do */
export function load(backend: Backend): Promise<Loaded> {
  const known = loading.get(backend) ?? loadAnew(backend);
  loading.set(backend, known);
  known.catch(() => loading.delete(backend));
  return known;
}

async function loadAnew(backend: Backend): Promise<Loaded> {
  if (backend === "tensorflow") {
    const { loadNative } = await import("./native.js");
    return { backend, tf: await loadNative() };
  }
  if (backend === "webgpu" && (globalThis as { navigator?: { gpu?: unknown } }).navigator?.gpu === undefined) {
    throw new UserError("webgpu: this Node has no navigator.gpu");
  }
  try {
    const core = await import("@tensorflow/tfjs-core");
    if (isOwnProcess()) core.enableProdMode(); // densekit checks the same things, and TF.js's advice is not needed
    await import("@tensorflow/tfjs-backend-cpu");
    if (backend === "wasm") await import("@tensorflow/tfjs-backend-wasm");
    // Not among the packages that this one is built with: in Node it is useless without a library that provides a GPU.
    if (backend === "webgpu") await import("@tensorflow/tfjs-backend-webgpu" as string);
    const converter = await import("@tensorflow/tfjs-converter");
    if (!(await withoutListeners(() => core.setBackend(backend))))
      throw new UserError(`${backend}: TF.js could not start it on this machine`);
    return { backend, core, converter };
  } catch (error) {
    throw missingPackage(error, backend);
  }
}

/** When WebAssembly starts, Emscripten installs listeners that end the process at any error that is not caught yet. */
async function withoutListeners<T>(start: () => Promise<T>): Promise<T> {
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const before = new Map(events.map((event) => [event, new Set(process.listeners(event as "uncaughtException"))]));
  try {
    return await start();
  } finally {
    for (const event of events) {
      for (const listener of process.listeners(event as "uncaughtException")) {
        if (!before.get(event)!.has(listener)) process.removeListener(event, listener);
      }
    }
  }
}

function missingPackage(error: unknown, backend: Backend): unknown {
  const missing = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
  if (!missing) return error;
  return new UserError(`${backend}: its packages are not installed; ${howToInstall(backend)}`);
}
