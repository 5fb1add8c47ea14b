import { spawn } from "node:child_process";
import { UserError } from "../../errors.js";

export interface ToolOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

export type Run = (program: string, args: readonly string[], cwd: string) => Promise<void>;

const LAST_LINES = 15;

/** Runs a program until it ends. @throws UserError with the last lines it wrote when it fails; the signal's reason */
export async function runTool({ program, args, cwd, environment, signal }: ToolOptions): Promise<void> {
  signal?.throwIfAborted();
  const child = spawn(program, args, { cwd, env: environment, stdio: ["ignore", "pipe", "pipe"], signal });
  const said: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => said.push(data));
  child.stderr.on("data", (data: Buffer) => said.push(data));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", (error) => {
      const missing = "code" in error && error.code === "ENOENT";
      reject(signal?.aborted ? signal.reason : missing ? new UserError(`${program} is not installed`) : error);
    });
    child.on("close", resolve);
  });
  if (code === 0) return;
  const lines = Buffer.concat(said).toString("utf8").trimEnd().split("\n").slice(-LAST_LINES);
  throw new UserError(`${program} ${args.slice(0, 3).join(" ")} … failed:\n${lines.join("\n")}`);
}
