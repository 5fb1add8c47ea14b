import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { UserError } from "../errors.js";
import { describeFileError, makeFolder } from "../files.js";
import { tryLock } from "../locks.js";
import type { ProgressEvent } from "../progress.js";
import { follow } from "./follow.js";
import { type Answer, networkReason, SILENCE_MS } from "./request.js";
import type { Environment } from "./settings.js";

/** How a caller watches and aborts a long operation. */
export interface Watch {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ProgressEvent) => void) | undefined;
}

export interface DownloadOptions extends Watch {
  readonly url: URL;
  /** What messages call the file. */
  readonly name: string;
  /** The destination. An existing file stays, and nothing is fetched. */
  readonly to: string;
  /** The file that tells other processes that this one is downloading. */
  readonly lock: string;
  readonly secret?: Readonly<Record<string, string>>;
  /** In bytes, if known. */
  readonly size?: number | undefined;
  /** The expected checksum, if known. */
  readonly checksum?: Checksum | undefined;
  readonly environment: Environment;
  /** The meaning of an answer other than the file. */
  readonly explain: (answer: Answer) => UserError;
}

export interface Checksum {
  /** git: of a Git object, which is named by it. */
  readonly kind: "sha256" | "git";
  /** Hexadecimal digits, or the first few of them. */
  readonly digits: string;
}

/** How many times in a row an interrupted download is continued without receiving anything. */
const TRIES = 4;
const POLL_MS = 200;

/**
 * Downloads a file, or waits for another process that does. The bytes received are kept when the connection is cut, and the
 * download continues from there, in this process or the next. The file gets its name once it is complete and its checksum
 * is right.
 *
 * @throws UserError when it cannot be fetched or written, or its checksum is wrong; the signal's reason when aborted
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { to, lock: lockFile, name, signal, onEvent } = options;
  if (await isThere(to)) return;
  try {
    for (const folder of [dirname(to), dirname(lockFile)]) await makeFolder(folder);
  } catch (error) {
    throw describeFileError(error, to, "write");
  }
  for (let told = false; ; told = true) {
    const attempt = await tryLock(lockFile);
    if (!("lock" in attempt)) {
      if (!told) onEvent?.({ type: "message", text: `another process is downloading ${name}; waiting for it` });
      await wait(POLL_MS, undefined, { signal }).catch(() => signal?.throwIfAborted());
      continue;
    }
    try {
      if (!(await isThere(to))) await fetchInto(`${to}.densekit-incomplete`, options);
      return;
    } finally {
      await attempt.lock.release();
    }
  }
}

const isThere = async (path: string): Promise<boolean> => (await sizeOf(path)) !== undefined;
const sizeOf = async (path: string): Promise<number | undefined> => (await stat(path).catch(() => undefined))?.size;

async function fetchInto(partial: string, options: DownloadOptions): Promise<void> {
  const { to, name, checksum, signal } = options;
  let size = options.size;
  let failures = 0;
  for (;;) {
    const before = (await sizeOf(partial)) ?? 0;
    if (size !== undefined && before >= size) break;
    try {
      size = await fetchRest(partial, before, options);
      break;
    } catch (error) {
      signal?.throwIfAborted();
      const described = describeFileError(error, partial, "write");
      if (described instanceof UserError) throw described;
      const came = (await sizeOf(partial)) ?? 0;
      failures = came > before ? 1 : failures + 1;
      if (failures >= TRIES) throw cutOff(options, came, networkReason(error));
      await wait(250 * 2 ** failures, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
  const came = (await sizeOf(partial)) ?? 0;
  if ((size !== undefined && came !== size) || !(await isRight(partial, came, checksum))) {
    await rm(partial, { force: true });
    const what = size !== undefined && came !== size ? `has ${came} bytes, not ${size}` : "has the wrong checksum";
    throw new UserError(
      `${name}: the file downloaded from ${options.url.host} ${what}, and was deleted; run the command again, and if that does ` +
        "not help, download the file by hand",
    );
  }
  await rename(partial, to).catch((error: unknown) => {
    throw describeFileError(error, to, "write");
  });
}

/** @returns the whole file's size, if the server gives it */
async function fetchRest(partial: string, from: number, options: DownloadOptions): Promise<number | undefined> {
  const { url, secret, signal, environment, explain, onEvent, name } = options;
  const range: Readonly<Record<string, string>> = from > 0 ? { range: `bytes=${from}-` } : {};
  const answer = await follow(url, { method: "GET", headers: range, ...(secret && { secret }), signal, environment });
  const { status, headers, body } = answer;
  if (status === 416 && from > 0) {
    body.destroy();
    await rm(partial, { force: true }); // it is not the beginning of this file
    throw new Error("it cannot be continued");
  }
  if (status >= 500) {
    body.destroy();
    throw new Error(`the server answered ${status}`);
  }
  if (status !== 200 && status !== 206) {
    body.destroy();
    throw explain(answer);
  }
  const isRest = status === 206 && headers["content-range"]?.startsWith(`bytes ${from}-`) === true;
  if (status === 206 && !isRest) {
    body.destroy();
    throw new Error("the server sent the wrong part of the file");
  }
  const length = headers["content-length"] === undefined ? undefined : Number(headers["content-length"]);
  const start = isRest ? from : 0;
  const total = length === undefined ? options.size : start + length;
  let done = start;
  body.setTimeout(SILENCE_MS, () => body.destroy(new Error(`no data for ${SILENCE_MS / 1000} s`)));
  let shown = -1;
  body.on("data", (chunk: Buffer) => {
    done += chunk.length;
    if (total === undefined || onEvent === undefined) return;
    const share = Math.floor((100 * done) / total);
    if (share === shown) return;
    shown = share;
    onEvent({ type: "progress", what: `downloading ${name}`, done, total, unit: "bytes" });
  });
  await pipeline(body, createWriteStream(partial, { flags: isRest ? "a" : "w" }), { ...(signal && { signal }) });
  if (total !== undefined && done < total) throw new Error("the connection was cut");
  return total;
}

async function isRight(path: string, size: number, checksum: Checksum | undefined): Promise<boolean> {
  if (checksum === undefined) return true;
  const hash = createHash(checksum.kind === "git" ? "sha1" : "sha256");
  if (checksum.kind === "git") hash.update(`blob ${size}\0`);
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex").startsWith(checksum.digits.toLowerCase());
}

function cutOff({ name, url, size }: DownloadOptions, came: number, reason: string): UserError {
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  const of = size === undefined ? "" : ` of ${megabytes(size)}`;
  return new UserError(
    `${name}: the download from ${url.host} stopped after ${megabytes(came)}${of} MB (${reason}); the bytes received are kept: run the command ` +
      "again to continue",
  );
}
