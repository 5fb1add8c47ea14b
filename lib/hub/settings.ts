import { homedir } from "node:os";
import { join } from "node:path";
import { UserError } from "../errors.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Settings from the environment, by the names that Python's huggingface_hub uses. */
export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  /** The cache of repositories. */
  readonly cache: string;
  /** The cache of other addresses. */
  readonly webCache: string;
  readonly token?: string;
  readonly offline: boolean;
  readonly environment: Environment;
}

const ENDPOINT = "https://huggingface.co";
const YES = ["1", "ON", "YES", "TRUE"];

/** @throws UserError for an invalid endpoint */
export function hubSettings(environment: Environment = process.env): HubSettings {
  const said = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const endpoint = (said("HF_ENDPOINT") ?? ENDPOINT).replace(/\/+$/, "");
  if (!/^https?:\/\/[^/]/.test(endpoint) || !URL.canParse(endpoint)) {
    throw new UserError(`HF_ENDPOINT is ${endpoint}, which is not an address; it must begin with https://`, 2);
  }
  const caches = said("XDG_CACHE_HOME") ?? join(homedir(), ".cache");
  const home = said("HF_HOME") ?? join(caches, "huggingface");
  const token = said("HF_TOKEN");
  return {
    endpoint,
    cache: said("HF_HUB_CACHE") ?? join(home, "hub"),
    webCache: join(caches, "densekit", "downloads"),
    ...(token !== undefined && { token }),
    offline: YES.includes((said("HF_HUB_OFFLINE") ?? "").toUpperCase()),
    environment,
  };
}
