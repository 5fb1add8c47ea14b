import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, readFile, symlink } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { UserError } from "../errors.js";
import { describeFileError, makeFolder, writeFileAtomic } from "../files.js";
import { type HubAddress, hubAddressText } from "./address.js";
import { download, type Watch } from "./download.js";
import { follow } from "./follow.js";
import { type Answer, networkReason } from "./request.js";
import type { HubSettings } from "./settings.js";

/*
 * The cache has the layout of Python's huggingface_hub, so that each finds the other's files:
 * models--OWNER--NAME/refs/REVISION (the commit it stands for), snapshots/COMMIT/FILE, links to blobs/ETAG, the bytes.
 */

const COMMIT = /^[0-9a-f]{40}$/;

export interface HubFileOptions extends Watch {
  readonly address: HubAddress & { readonly file: string };
  readonly settings: HubSettings;
}

/** A file of a repository, from the cache or the hub. @returns its path; undefined where the repository has no such file */
export async function hubFile({ address, settings, signal, onEvent }: HubFileOptions): Promise<string | undefined> {
  const folder = join(settings.cache, `models--${address.repository.replace("/", "--")}`);
  const name = hubAddressText(address);
  const kept = await keptFile(folder, address);
  if (kept !== undefined && (settings.offline || COMMIT.test(address.revision))) return kept;
  if (settings.offline) throw notKept(address, settings);
  const url = fileUrl(address, settings);
  const secret: Readonly<Record<string, string>> =
    settings.token === undefined ? {} : { authorization: `Bearer ${settings.token}` };
  const { environment } = settings;
  let answer: Answer;
  try {
    answer = await follow(url, { method: "HEAD", secret, sameHost: true, signal, environment });
    answer.body.resume();
    if (answer.status >= 500) throw new Error(`it answered ${answer.status}`);
  } catch (error) {
    signal?.throwIfAborted();
    const reason = networkReason(error);
    if (kept === undefined) throw unreachable(address, settings, reason);
    onEvent?.({
      type: "message",
      text: `${name}: ${url.host} cannot be reached (${reason}); the copy in ${folder} is used`,
    });
    return kept;
  }
  if (answer.status === 404 && !NOT_OF_A_FILE.includes(codeOf(answer))) return undefined;
  if (answer.status >= 400) throw explainAnswer(address, settings, answer);
  const said = fileSaid(answer, name);
  const blob = join(folder, "blobs", said.etag);
  await download({
    url,
    name,
    to: blob,
    lock: join(settings.cache, ".locks", basename(folder), `${said.etag}.densekit.lock`),
    secret,
    size: said.size,
    checksum: checksumOf(said.etag),
    environment,
    explain: (refusal) => explainAnswer(address, settings, refusal),
    signal,
    onEvent,
  });
  const path = join(folder, "snapshots", said.commit, address.file);
  try {
    await link(blob, path);
    if (address.revision !== said.commit) {
      await writeFileAtomic(join(folder, "refs", address.revision), said.commit);
    }
  } catch (error) {
    throw describeFileError(error, path, "write");
  }
  return path;
}

async function keptFile(folder: string, { revision, file }: HubFileOptions["address"]): Promise<string | undefined> {
  const commit = COMMIT.test(revision)
    ? revision
    : await readFile(join(folder, "refs", revision), "utf8").catch(() => undefined);
  if (commit === undefined || !COMMIT.test(commit.trim())) return undefined;
  const path = join(folder, "snapshots", commit.trim(), file);
  return existsSync(path) ? path : undefined;
}

interface FileSaid {
  readonly commit: string;
  readonly etag: string;
  readonly size?: number;
}

/** The hub's headers about a file, before it redirects to the file's location. */
function fileSaid({ headers, url }: Answer, name: string): FileSaid {
  const text = (key: string): string | undefined => [headers[key]].flat()[0];
  const commit = text("x-repo-commit");
  const etag = (text("x-linked-etag") ?? text("etag"))?.replace(/^W\//, "").replaceAll('"', "");
  if (commit === undefined || !COMMIT.test(commit) || etag === undefined) {
    throw new UserError(`${name}: ${url.host} does not answer as the hub does; is HF_ENDPOINT right?`);
  }
  const size = Number(text("x-linked-size") ?? text("content-length") ?? Number.NaN);
  // It becomes a file name.
  const safe = /^[\w-]{8,128}$/.test(etag) ? etag : createHash("sha256").update(etag).digest("hex").slice(0, 32);
  return { commit, etag: safe, ...(Number.isSafeInteger(size) && { size }) };
}

/** Large files are named by their SHA-256, others as Git names them. */
function checksumOf(etag: string) {
  if (/^[0-9a-f]{64}$/.test(etag)) return { kind: "sha256", digits: etag } as const;
  return COMMIT.test(etag) ? ({ kind: "git", digits: etag } as const) : undefined;
}

/** Copies where links are not available, as on Windows for most users. */
async function link(blob: string, path: string): Promise<void> {
  if (existsSync(path)) return;
  await makeFolder(dirname(path));
  try {
    await symlink(relative(dirname(path), blob), path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST") return; // another process was faster
    if (code !== "EPERM" && code !== "ENOSYS" && code !== "ENOTSUP") throw error;
    await copyFile(blob, path);
  }
}

const fileUrl = ({ repository, revision, file }: HubFileOptions["address"], { endpoint }: HubSettings): URL =>
  new URL(
    `${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${file.split("/").map(encodeURIComponent).join("/")}`,
  );

/** What to do where this program has no network. */
const byHand = (url: string): string =>
  `download ${url} by other means and give the file's path instead (--weights FILE, model.backbone.weights: FILE)`;

function unreachable(address: HubFileOptions["address"], settings: HubSettings, reason: string): UserError {
  const url = fileUrl(address, settings);
  return new UserError(
    `${hubAddressText(address)}: ${url.host} cannot be reached (${reason}); if there is a proxy, name it in HTTPS_PROXY, if a mirror, ` +
      `in HF_ENDPOINT; or ${byHand(url.href)}`,
  );
}

const notKept = (address: HubFileOptions["address"], settings: HubSettings): UserError =>
  new UserError(
    `${hubAddressText(address)}: HF_HUB_OFFLINE is set, and the file is not in the cache (${settings.cache}); unset it, or ` +
      byHand(fileUrl(address, settings).href),
  );

/** Error codes of a 404 that is not about the file. */
const NOT_OF_A_FILE: readonly (string | undefined)[] = ["RepoNotFound", "RevisionNotFound", "GatedRepo"];

const codeOf = ({ headers }: Pick<Answer, "headers">): string | undefined => [headers["x-error-code"]].flat()[0];

function explainAnswer(
  address: HubAddress,
  { endpoint, token }: HubSettings,
  { status, headers, url }: Answer,
): UserError {
  const name = hubAddressText(address);
  const page = `${endpoint}/${address.repository}`;
  const code = codeOf({ headers });
  const say = (text: string): UserError => new UserError(`${name}: ${text}`);
  if (code === "GatedRepo") {
    return say(
      `access to this repository is given on request: ask for it at ${page}, then set HF_TOKEN to your token` +
        (token === undefined ? "" : " (the one that is set has no access)"),
    );
  }
  if (code === "RevisionNotFound") return say(`the repository has no revision ${address.revision}; see ${page}`);
  if (status === 401 || code === "RepoNotFound") {
    return say(
      `there is no repository ${address.repository} at ${endpoint}, or it is private; ` +
        (token === undefined
          ? "for a private one set HF_TOKEN"
          : "the token in HF_TOKEN is wrong or has no access to it"),
    );
  }
  if (status === 403)
    return say(`${url.host} refuses access (403); see ${page}, and set HF_TOKEN to a token that has it`);
  if (status === 404) return say(`there is no such file; see ${page}/tree/${address.revision}`);
  if (status === 429) return say(`${url.host} has received too many requests from here; wait, or set HF_TOKEN`);
  return say(`${url.host} answered ${status}; try again later, or ${byHand(url.href)}`);
}
