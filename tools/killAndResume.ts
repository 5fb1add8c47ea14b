import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Random } from "../lib/random.js";

/*
 * Kills a training run at random moments (SIGKILL) and resumes it, again and again, and compares the result with an
 * undisturbed run: weights, their average if there is one, optimiser state, best weights and logged metrics must be equal bit
 * for bit.
 *
 *   npm run kill -- --kills 20
 *
 * The config is the first one in README.md, verbatim, on the photographs of examples/quickstart; only its length and the
 * settings of --set are changed.
 */

const ROOT = fileURLToPath(new URL("../../", import.meta.url)); // from dist/tools
const MAIN = fileURLToPath(new URL("../lib/cli/main.js", import.meta.url));

export interface KillOptions {
  readonly config: string;
  readonly kills: number;
  /** Of the random moments. */
  readonly seed: number;
  /** As for `--set`. */
  readonly overrides: readonly string[];
  readonly folder: string;
  readonly say: (line: string) => void;
}

export interface KillResult {
  /** Runs that ended in spite of the kills. */
  readonly rounds: number;
  readonly kills: number;
  /** Differences from the undisturbed run; should be empty. */
  readonly differences: readonly string[];
}

/** Writes README's first config with its data set, and returns the file. */
export function readmeConfig(folder: string): string {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const [, yaml] = /```yaml\n(extends:[\s\S]*?)```/.exec(readme) ?? [];
  if (yaml === undefined) throw new Error("README.md no longer has a config");
  const images = join(ROOT, "examples", "quickstart", "images");
  const named = yaml
    .replaceAll("node_modules/densekit/configs", join(ROOT, "configs"))
    .replaceAll(/\bmine\/(train|val)/g, join(images, "$1"));
  const path = join(folder, "mine.yaml");
  writeFileSync(path, named);
  return path;
}

export async function killAndResume(options: KillOptions): Promise<KillResult> {
  const { kills, seed, folder, say } = options;
  const random = Random.of(seed, "kills");
  const undisturbed = join(folder, "undisturbed");
  const began = performance.now();
  await end(start(options, undisturbed));
  const seconds = (performance.now() - began) / 1000;
  say(`undisturbed: ${seconds.toFixed(1)} s`);
  const differences: string[] = [];
  let [done, rounds] = [0, 0];
  for (; done < kills; rounds++) {
    const run = join(folder, `killed-${rounds}`);
    for (let finished = false; !finished; ) {
      const child = start(options, run);
      const outcome = end(child);
      const wait = random.uniform(0, seconds / 2);
      const alive = done < kills && (await Promise.race([outcome.then(() => false), setTimeout(1000 * wait, true)]));
      if (alive) {
        child.kill("SIGKILL");
        done++;
      }
      finished = (await outcome) === 0;
      if (!finished) say(`kill ${done}: after ${wait.toFixed(1)} s, ${whereIn(run)}`);
    }
    const found = differencesOf(undisturbed, run);
    differences.push(...found);
    say(`round ${rounds + 1}: ${found.length === 0 ? "equal bit for bit" : `differs in ${found.join(", ")}`}`);
  }
  return { rounds, kills: done, differences };
}

function start({ config, overrides }: KillOptions, run: string): ChildProcess {
  const set = [...overrides, `output=${run}`].flatMap((override) => ["--set", override]);
  return spawn(process.execPath, [MAIN, "train", config, "--resume", ...set], { stdio: ["ignore", "ignore", "pipe"] });
}

/** @returns the exit code; null if it was killed */
async function end(child: ChildProcess): Promise<number | null> {
  let said = "";
  child.stderr?.on("data", (text) => (said += text));
  return new Promise((resolve, reject) => {
    child.on("close", (code) => {
      if (code === 0 || code === null) resolve(code);
      else reject(new Error(`training ended with exit code ${code}:\n${said}`));
    });
  });
}

function whereIn(run: string): string {
  const log = join(run, "log.jsonl");
  const steps = existsSync(log) ? linesOf(log).filter(({ type }) => type === "step") : [];
  const folder = join(run, "checkpoints");
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  return `step ${steps.at(-1)?.step ?? 0}; checkpoints: ${names.join(", ") || "none"}`;
}

function linesOf(log: string): Record<string, unknown>[] {
  return readFileSync(log, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return []; // cut off by a kill
      }
    });
}

/** Log entries determined by the training run: everything but times. */
const decided = (run: string): string[] =>
  linesOf(join(run, "log.jsonl"))
    .filter(({ type }) => type === "step" || type === "evaluation")
    .map(({ time: _, stepSeconds: _s, dataSeconds: _d, ...rest }) => JSON.stringify(rest));

function differencesOf(expected: string, found: string): string[] {
  const newest = readdirSync(join(expected, "checkpoints")).sort().at(-1)!;
  const tensors = readdirSync(join(expected, "checkpoints", newest)).filter((name) => name.endsWith(".safetensors"));
  const files = tensors.map((name) => join("checkpoints", newest, name));
  const differing = [...files, "best.safetensors"].filter((name) => {
    const [path, other] = [join(expected, name), join(found, name)];
    return !existsSync(other) || !readFileSync(path).equals(readFileSync(other));
  });
  const [lines, others] = [decided(expected), decided(found)];
  const sameLog = lines.length > 0 && lines.length === others.length && lines.every((line, i) => line === others[i]);
  return sameLog ? differing : [...differing, "log.jsonl"];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kills: { type: "string", default: "20" },
      seed: { type: "string", default: "0" },
      set: { type: "string", multiple: true, default: ["training.steps=40", "training.evaluateEvery=10"] },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "densekit-kill-"));
  const say = (line: string) => console.log(line);
  try {
    const { kills, seed, set: overrides } = values;
    const options = { kills: Number(kills), seed: Number(seed), overrides, folder, say };
    const result = await killAndResume({ ...options, config: readmeConfig(folder) });
    say(`${result.kills} kills in ${result.rounds} rounds: ${result.differences.length} differences`);
    process.exitCode = result.differences.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
