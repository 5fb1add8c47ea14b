import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Finding, Status } from "../kind.js";
import { PROVIDERS, type Provider } from "./providers.js";

/** onnxruntime, and which of its providers are present and start. */
export async function examineOnnxRuntime(): Promise<Finding[]> {
  try {
    const { availableProviders } = await import("./engine.js");
    const offered = availableProviders();
    const version: Finding = { name: "onnxruntime-node", status: "ok", detail: versionOf("onnxruntime-node") };
    const found: Finding[] = [];
    for (const name of PROVIDERS) found.push(await examineProvider(name, offered));
    return [version, ...found];
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    const advice =
      "run `npm install` again; there are binaries for Linux and Windows (x64, arm64) and for macOS on Apple silicon";
    return [{ name: "onnxruntime-node", status: "problem", detail: `cannot be loaded (${reason}): ${advice}` }];
  }
}

/** Every available provider is started, in a separate process, so that the report can be trusted. */
async function examineProvider(name: Provider, offered: readonly string[]): Promise<Finding> {
  const lacksLibraries = name === "cuda" && !hasCudaLibraries();
  if (name === "cpu" || lacksLibraries || !offered.includes(name)) {
    return providerFinding(name, { offered, cudaLibraries: !lacksLibraries });
  }
  const { tryProvider } = await import("./tryProvider.js");
  return providerFinding(name, { offered, cudaLibraries: true, problem: await tryProvider(name) });
}

const NOT_TRIED = "untested with densekit";

const MISSING: Readonly<Record<Provider, string>> = {
  cpu: "missing: run `npm install` again",
  webgpu: "not in this build of onnxruntime",
  cuda: `for NVIDIA GPUs on Linux x64; ${NOT_TRIED}`,
  coreml: `for macOS only; ${NOT_TRIED}`,
  dml: `for Windows only; ${NOT_TRIED}`,
};

const NEEDS: Readonly<Record<Exclude<Provider, "cpu">, string>> = {
  webgpu: "a GPU with a Vulkan, Metal or Direct3D 12 driver",
  cuda: "CUDA 12 or later and cuDNN 9",
  coreml: "Core ML",
  dml: "a GPU with a Direct3D 12 driver",
};

/** What was tested on a provider before release. */
const SEEN: Readonly<Record<Exclude<Provider, "cpu">, string>> = {
  webgpu: "tested only on a software adapter (SwiftShader), never on a GPU",
  cuda: NOT_TRIED,
  coreml: NOT_TRIED,
  dml: NOT_TRIED,
};

export interface ProviderState {
  /** The providers of this onnxruntime. */
  readonly offered: readonly string[];
  readonly cudaLibraries: boolean;
  /** Why it does not start here. */
  readonly problem?: string | undefined;
}

export function providerFinding(name: Provider, { offered, cudaLibraries, problem }: ProviderState): Finding {
  const found = (status: Status, detail: string): Finding => ({ name: `provider ${name}`, status, detail });
  if (!offered.includes(name)) return found(name === "cpu" ? "problem" : "optional", MISSING[name]);
  if (name === "cuda" && !cudaLibraries) {
    const install = "run `node node_modules/onnxruntime-node/script/install.js`";
    return found("optional", `its libraries are not in the package: ${install}; ${SEEN.cuda}`);
  }
  if (name === "cpu") return found("ok", "ready; the default");
  if (problem !== undefined) return found("optional", `does not start (${problem}): it needs ${NEEDS[name]}`);
  return found("ok", `starts: --set engine.providers=[${name}]; ${SEEN[name]}`);
}

/** The CUDA libraries are not part of the npm package; its install script fetches them. */
function hasCudaLibraries(): boolean {
  const folder = packageFolder("onnxruntime-node");
  const binaries = join(folder, "bin", "napi-v6", process.platform, process.arch);
  return ["libonnxruntime_providers_cuda.so", "onnxruntime_providers_cuda.dll"].some((name) =>
    existsSync(join(binaries, name)),
  );
}

function packageFolder(name: string): string {
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  while (!existsSync(join(folder, "package.json")) || readManifest(folder).name !== name) folder = dirname(folder);
  return folder;
}

function versionOf(name: string): string {
  return readManifest(packageFolder(name)).version ?? "of unknown version";
}

function readManifest(folder: string): { readonly name?: string; readonly version?: string } {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}
