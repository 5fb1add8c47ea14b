import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { UserError } from "../lib/errors.js";
import type { Reply, Request } from "./protocol.js";

/** A process that speaks the protocol: one request at a time, one JSON line each way. */
export interface Contestant {
  /** @throws UserError when the process cannot be started, ends early or answers with an error */
  ask(request: Request): Promise<Reply>;
  stop(): Promise<void>;
}

const STDERR_KEPT = 2000;

export function startContestant(command: string, args: readonly string[]): Contestant {
  const child = spawn(command, [...args], { stdio: ["pipe", "pipe", "pipe"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let complaints = "";
  child.stderr.on("data", (data: Buffer) => {
    complaints = (complaints + data.toString()).slice(-STDERR_KEPT);
  });
  child.stdin.on("error", () => undefined); // the missing answer shows that the process has ended
  const failed = new Promise<never>((_, reject) => {
    child.on("error", (error) => reject(new UserError(`cannot start ${command}: ${error.message}`)));
  });
  failed.catch(() => undefined);

  async function answer(): Promise<Reply> {
    for (;;) {
      const line = await lines.next();
      if (line.done === true) throw new UserError(`${command} ended early: ${lastLine(complaints)}`);
      if (line.value.startsWith("{")) return JSON.parse(line.value);
    }
  }

  return {
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const reply = await Promise.race([answer(), failed]);
      if (reply.error !== undefined) throw new UserError(reply.error);
      return reply;
    },
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  child.stdin?.end();
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(timer);
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
