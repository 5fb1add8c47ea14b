import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../errors.js";
import { type Checksum, download, type Watch } from "./download.js";
import type { Answer } from "./request.js";
import type { HubSettings } from "./settings.js";

export interface WebFileOptions extends Watch {
  readonly url: URL;
  readonly settings: HubSettings;
}

/** A file from any server, downloaded once: an address is assumed never to change its content. @returns its path */
export async function webFile({ url, settings, signal, onEvent }: WebFileOptions): Promise<string> {
  const name = shownAddress(url);
  const folder = createHash("sha256").update(url.href).digest("hex").slice(0, 16);
  const file = fileNameIn(url) || "file";
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
    explain: (answer) => refusal(name, answer),
    signal,
    onEvent,
  });
  return path;
}

/** An address in messages: the query may hold a secret. */
export const shownAddress = ({ origin, pathname }: URL): string => origin + pathname;

/** The last part of an address's path as the name of a file; "" if there is none. */
export const fileNameIn = ({ pathname }: URL): string => basename(unescaped(pathname)).replace(/[^\w.-]/g, "_");

function unescaped(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // a % that begins no escape
  }
}

/** What an answer without the file means. */
export const refusal = (name: string, { status, url: { host } }: Answer): UserError =>
  new UserError(`${name}: ${host} answered ${status}; look at the address in a browser`);

/** PyTorch's files have the beginning of their SHA-256 in their names: resnet50-0676ba61.pth. */
function checksumIn(file: string): Checksum | undefined {
  const digits = /-([0-9a-f]{8,64})\.\w+$/.exec(file)?.[1];
  return digits === undefined ? undefined : { kind: "sha256", digits };
}
