import { dirname, join } from "node:path";
import { UserError } from "../errors.js";
import { readTextFile } from "../files.js";
import { parseJson } from "../json.js";
import { isAddress } from "../schemas/address.js";
import { type HubAddress, hubAddressText, parseHubAddress } from "./address.js";
import type { Watch } from "./download.js";
import { hubFile } from "./hub.js";
import { type Environment, type HubSettings, hubSettings } from "./settings.js";
import { webFile } from "./web.js";

export { webBytes } from "./bytes.js";
export type { Watch } from "./download.js";
export { fileNameIn } from "./web.js";

export interface LocalFileOptions extends Watch {
  /** Default the process's. */
  readonly environment?: Environment;
}

/** The usual names of a repository's weights, the likeliest first. */
const SHARDS = "model.safetensors.index.json";
const WEIGHTS = ["model.safetensors", SHARDS, "pytorch_model.bin"];

/**
 * The path of a file that may be given as an address: hf://OWNER/NAME[/FILE][@REVISION] or https://…, which is downloaded
 * unless it is cached. `#PART` at the end is kept. Anything else is a path, and is returned as it is.
 *
 * @throws UserError when the address is malformed, there is nothing there, or it cannot be fetched; the signal's reason when aborted
 */
export async function localFile(named: string, { environment, ...watch }: LocalFileOptions = {}): Promise<string> {
  if (typeof named !== "string" || !isAddress(named)) return named;
  const [address = "", part] = named.split("#", 2);
  const settings = hubSettings(environment);
  const path = /^hf:/i.test(address)
    ? await hubWeights(parseHubAddress(address), settings, watch)
    : await webFile({ url: webUrl(address), settings, ...watch });
  return part === undefined ? path : `${path}#${part}`;
}

/** The address that a text is; undefined for a path, or a file of the hub. @throws UserError for a malformed one */
export const webAddress = (text: string): URL | undefined => (/^https?:\/\//i.test(text) ? webUrl(text) : undefined);

function webUrl(address: string): URL {
  if (URL.canParse(address)) return new URL(address);
  throw new UserError(`${address}: not an address`, 2);
}

async function hubWeights(address: HubAddress, settings: HubSettings, watch: Watch): Promise<string> {
  const names = address.file === undefined ? WEIGHTS : [address.file];
  for (const file of names) {
    const path = await hubFile({ address: { ...address, file }, settings, ...watch });
    if (path === undefined) continue;
    if (file.endsWith(".index.json")) await fetchShards(path, { ...address, file }, settings, watch);
    return path;
  }
  const text = hubAddressText(address);
  const page = `${settings.endpoint}/${address.repository}/tree/${address.revision}`;
  throw new UserError(
    address.file === undefined
      ? `${text}: the repository has no ${WEIGHTS.join(", ")}; name one of its files: ${text}/FILE (${page} lists them)`
      : `${text}: the repository has no such file; ${page} lists them`,
  );
}

/** Fetches the files that an index names, beside it. */
async function fetchShards(
  index: string,
  address: HubAddress & { readonly file: string },
  settings: HubSettings,
  watch: Watch,
): Promise<void> {
  let map: unknown;
  try {
    map = (parseJson(await readTextFile(index)) as { readonly weight_map?: unknown } | null)?.weight_map;
  } catch (error) {
    if (error instanceof UserError) throw error;
  }
  if (typeof map !== "object" || map === null) return; // the reader of the index reports the fault
  const files = new Set(Object.values(map).filter((file) => /^[^/\\]+\.safetensors$/.test(String(file))));
  for (const name of files) {
    const file = join(dirname(address.file), String(name)).replaceAll("\\", "/");
    if ((await hubFile({ address: { ...address, file }, settings, ...watch })) !== undefined) continue;
    throw new UserError(
      `${hubAddressText({ ...address, file })}: the index names this file, but the repository has none`,
    );
  }
}
