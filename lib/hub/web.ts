import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../errors.js";
import { type Checksum, download, type Watch } from "./download.js";
import type { HubSettings } from "./settings.js";

export interface WebFileOptions extends Watch {
  readonly url: URL;
  readonly settings: HubSettings;
}

/** A file from any server, downloaded once: an address is assumed never to change its content. @returns its path */
export async function webFile({ url, settings, signal, onEvent }: WebFileOptions): Promise<string> {
  const name = url.origin + url.pathname; // the query may hold a secret
  const folder = createHash("sha256").update(url.href).digest("hex").slice(0, 16);
  const file = basename(decodeURIComponent(url.pathname)).replace(/[^\w.-]/g, "_") || "file";
  const path = join(settings.webCache, folder, file);
  if (existsSync(path)) return path;
  if (settings.offline) {
    throw new UserError(
      `${name}: HF_HUB_OFFLINE is set, and the file is not in ${settings.webCache}; unset it, or give a path`,
    );
  }
  await download({
    url,
    name,
    to: path,
    lock: `${path}.lock`,
    checksum: checksumIn(file),
    environment: settings.environment,
    explain: ({ status, url: { host } }) =>
      new UserError(`${name}: ${host} answered ${status}; look at the address in a browser`),
    signal,
    onEvent,
  });
  return path;
}

/** PyTorch's files have the beginning of their SHA-256 in their names: resnet50-0676ba61.pth. */
function checksumIn(file: string): Checksum | undefined {
  const digits = /-([0-9a-f]{8,64})\.\w+$/.exec(file)?.[1];
  return digits === undefined ? undefined : { kind: "sha256", digits };
}
