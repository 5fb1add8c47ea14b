import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { lstat, open, readFile, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { UserError } from "./errors.js";
import { describeFileError, isThere } from "./files.js";

/** The process that holds a lock. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When it began, for people to read. */
  readonly since: string;
  /** Distinguishes processes that had the same id one after the other; absent if the system does not tell. */
  readonly process?: string;
  /** The id of this lock. */
  readonly id: string;
}

export interface Lock {
  release(): Promise<void>;
}

/** The holder is undefined if the file does not say who it is. */
export type Attempt = { readonly lock: Lock } | { readonly holder: Holder | undefined };

/** How often a holder shows that it is alive; that is used when its process is on another machine. */
const SIGN_OF_LIFE_MS = 30_000;
const SILENCE_MS = 10 * SIGN_OF_LIFE_MS;

/**
 * Takes a lock, which is a file, unless another process holds it. The lock of a process that ended without releasing it (killed, or
 * power lost) is taken over: on this machine if the process no longer exists, on another if its lock was not touched for five
 * minutes.
 */
export async function tryLock(path: string): Promise<Attempt> {
  const own: Holder = {
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    ...processStart(process.pid),
    id: randomUUID(),
  };
  while (!(await create(path, own))) {
    const text = await readLock(path);
    if (text === undefined) continue; // released meanwhile
    const holder = parse(text);
    if (await isHeld(path, holder)) return { holder };
    await takeAway(path, text);
  }
  const timer = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), SIGN_OF_LIFE_MS);
  timer.unref();
  const release = async (): Promise<void> => {
    clearInterval(timer);
    const text = await readLock(path).catch(() => undefined);
    if (text !== undefined && parse(text)?.id === own.id) await rm(path, { force: true });
  };
  return { lock: { release } };
}

/** Whether a process holds a lock now. */
export async function isLocked(path: string): Promise<boolean> {
  const text = await readLock(path).catch(() => undefined);
  return text !== undefined && isHeld(path, parse(text));
}

/**
 * What a lock's file says; undefined if there is none.
 *
 * @throws UserError when something else is in its place, which nobody would release: a folder, a pipe, a link to nowhere
 */
async function readLock(path: string): Promise<string | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if (!found.isFile()) throw new UserError(`cannot lock ${path}: it is in the way and no file; remove it`);
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (!(await isThere(path))) return undefined;
    throw describeFileError(error, path, "read");
  }
}

/** @returns false if there is a lock already */
const create = (path: string, own: Holder): Promise<boolean> => createNew(path, `${JSON.stringify(own)}\n`);

/** Makes a file that must not exist yet. @returns false if it does */
async function createNew(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    await file.writeFile(text).finally(() => file.close());
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw describeFileError(error, path, "write");
  }
}

/** Undefined if the text is not a lock, such as one that was not yet written when its process was killed. */
function parse(text: string): Holder | undefined {
  try {
    const holder: Partial<Holder> | null = JSON.parse(text);
    const whole = typeof holder?.pid === "number" && typeof holder.host === "string" && typeof holder.id === "string";
    return whole ? (holder as Holder) : undefined;
  } catch {
    return undefined;
  }
}

async function isHeld(path: string, holder: Holder | undefined): Promise<boolean> {
  if (holder?.host === hostname()) return isAlive(holder);
  const touched = await stat(path).catch(() => undefined);
  return touched !== undefined && Date.now() - touched.mtimeMs < (holder === undefined ? 2000 : SILENCE_MS);
}

/** Whether this machine has a process of that id. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

function isAlive({ pid, process: started }: Holder): boolean {
  if (!isRunning(pid)) return false;
  const now = processStart(pid).process;
  return started === undefined || now === undefined || started === now;
}

/** When a process of this machine started: the machine's start and the clock ticks since. Only on Linux. */
function processStart(pid: number): { readonly process?: string } {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" "); // from the third on
    return { process: `${boot}/${fields[19]}` };
  } catch {
    return {};
  }
}

/** A take-over lasts milliseconds; a guard this old belongs to a process that was killed during one. */
const GUARD_MS = 5000;
const RETRY_MS = 20;

/**
 * Removes a dead lock, but not one that another process made in its place since it was read: the remover holds a guard,
 * so that the lock it checked last is the lock it removes.
 */
async function takeAway(path: string, text: string): Promise<void> {
  const guard = join(dirname(path), `.${basename(path)}.guard`);
  if (!(await createNew(guard, ""))) {
    const made = await stat(guard).catch(() => undefined);
    if (made !== undefined && Date.now() - made.mtimeMs > GUARD_MS) await rm(guard, { force: true });
    else await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    return;
  }
  try {
    const now = await readLock(path).catch(() => undefined);
    if (now === text) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}
