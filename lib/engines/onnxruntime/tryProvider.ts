import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Provider } from "./providers.js";

const TRIAL = fileURLToPath(new URL("./providerTrial.js", import.meta.url));

const PATIENCE = 60_000;

/**
 * Starts a provider and computes something with it, in a separate process, because drivers print, hang and crash.
 *
 * @param environment variables to set in addition to this process's
 * @returns what goes wrong; undefined if the provider computes the right result
 */
export function tryProvider(
  provider: Provider,
  environment: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = fork(TRIAL, [provider], {
      env: { ...process.env, ...environment },
      execArgv: [],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      timeout: PATIENCE,
      killSignal: "SIGKILL",
    });
    child.once("message", (told) => resolve((told as { readonly problem?: string }).problem));
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(`its process ended with ${signal ?? `exit code ${code}`}`));
  });
}
