import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Program } from "../../lib/engines/engine.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { tryProvider } from "../../lib/engines/onnxruntime/tryProvider.js";
import { input, relu } from "../../lib/graph/index.js";
import { findChromium } from "./browser.js";

const DRIVER = "vk_swiftshader_icd.json";

/** Where Chromium's packages put SwiftShader, a Vulkan driver that computes on the processor. */
const FOLDERS = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome", "/opt/chromium"];

interface Adapter {
  readonly name: string;
  /** Environment variables to set while the adapter is looked for. */
  readonly environment: Readonly<Record<string, string>>;
}

function adapters(): Adapter[] {
  const chromium = findChromium();
  const folders = [...FOLDERS, ...(chromium !== undefined && existsSync(chromium) ? [folderOf(chromium)] : [])];
  const driver = folders.map((folder) => join(folder, DRIVER)).find((path) => existsSync(path));
  const own = { name: "this machine's adapter", environment: {} };
  if (driver === undefined || process.env.VK_ICD_FILENAMES !== undefined) return [own];
  return [{ name: "SwiftShader", environment: { VK_ICD_FILENAMES: driver } }, own];
}

const folderOf = (path: string) => dirname(realpathSync(path));

const problems: string[] = [];
let found: Adapter | undefined;
for (const adapter of adapters()) {
  const problem = await tryProvider("webgpu", adapter.environment);
  if (problem === undefined) {
    found = adapter;
    break;
  }
  problems.push(`${adapter.name}: ${problem}`);
}

/** The adapter WebGPU is tested on. */
export const webGpuName = found?.name ?? "no adapter";

let held: Program | undefined;
let holders = 0;

/**
 * Starts WebGPU for the tests of a suite; `releaseWebGpu` ends it. Skips the suite with a message if no adapter is found. While
 * it is held, the driver's compiled code is kept between sessions.
 */
export async function holdWebGpu(context: Mocha.Context): Promise<void> {
  if (found === undefined) {
    console.warn(
      `      skipped: no WebGPU adapter (${problems.join("; ")}); Debian's packages libvulkan1 and chromium have one`,
    );
    context.skip();
  }
  holders++;
  held ??= await startWith(found.environment);
}

export async function releaseWebGpu(): Promise<void> {
  if (holders === 0 || --holders > 0) return;
  await held?.dispose();
  held = undefined;
}

/** The driver is chosen when the first session starts; processes started later must not inherit the choice. */
async function startWith(environment: Readonly<Record<string, string>>): Promise<Program> {
  const before = Object.keys(environment).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, environment);
  try {
    return await onnxRuntimeEngine({ providers: ["webgpu"] }).compile({ y: relu(input("x", [1])) });
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
