import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import util from "node:util";
import type * as Core from "@tensorflow/tfjs-core";
import { UserError } from "../../errors.js";
import { isOwnProcess } from "../../process.js";
import { installedTensorFlow } from "./installation.js";

/** The part of @tensorflow/tfjs-node that is used here. */
export type NativeTensorFlow = Pick<typeof Core, "tensor" | "setBackend"> & {
  readonly node: {
    loadSavedModel(path: string, tags: readonly string[], signature: string): Promise<NativeModel>;
  };
};

export interface NativeModel {
  predict(inputs: Core.NamedTensorMap): Core.NamedTensorMap;
  dispose(): void;
}

const PACKAGE = "@tensorflow/tfjs-node";

/**
 * @tensorflow/tfjs-node: the project's own if it is installed and works, otherwise the one `densekit engine install
 *   tensorflow` has built.
 *
 * @throws UserError when there is neither
 */
export async function loadNative(): Promise<NativeTensorFlow> {
  if (isOwnProcess()) {
    Object.assign(util, missingUtilities());
    process.env.TF_CPP_MIN_LOG_LEVEL ??= "3"; // errors are thrown
  }
  const [missing] = Object.keys(missingUtilities());
  if (missing !== undefined) {
    throw new UserError(
      `tensorflow: ${PACKAGE} calls util.${missing}, which this Node no longer has; call claimProcess() of densekit ` +
        "first, which restores it",
    );
  }
  const own = await import(PACKAGE as string).catch((error: unknown) => error as Error);
  if (!(own instanceof Error)) return (own.default ?? own) as NativeTensorFlow;
  const folder = await installedTensorFlow();
  if (folder === undefined) {
    throw new UserError(`tensorflow: ${whyNot(own)}; run \`densekit engine install tensorflow\``);
  }
  const require = createRequire(pathToFileURL(join(folder, "package.json")));
  try {
    if (isOwnProcess()) (require("@tensorflow/tfjs-core") as typeof Core).enableProdMode(); // no advice on stderr
    return require(PACKAGE) as NativeTensorFlow;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new UserError(
      `tensorflow: what is installed in ${folder} cannot be loaded (${reason}); ` +
        "run `densekit engine install tensorflow --force`",
    );
  }
}

function whyNot(error: Error): string {
  const missing = "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
  return missing ? `${PACKAGE} is not installed` : `${PACKAGE} cannot be loaded (${error.message.split("\n")[0]})`;
}

/** tfjs-node 4.22 calls two functions that Node 23 no longer has: those of them that are missing. */
function missingUtilities(): Readonly<Record<string, (x: unknown) => boolean>> {
  const old = {
    isNullOrUndefined: (x: unknown) => x === null || x === undefined,
    isArray: (x: unknown) => Array.isArray(x),
  };
  return Object.fromEntries(Object.entries(old).filter(([name]) => !(name in util)));
}
