import { homedir } from "node:os";
import { join } from "node:path";

/** The folder for what densekit fetches or builds once: $DENSEKIT_CACHE, or densekit in the user's cache folder. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.DENSEKIT_CACHE) return environment.DENSEKIT_CACHE;
  return join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "densekit");
}
