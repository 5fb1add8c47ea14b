import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { BACKENDS, type Backend, PROVIDERS, type Provider } from "../config/schema.js";
import { ownVersion } from "../version.js";
import { type Context, printResult, type SharedOptions } from "./context.js";
import { createCommand } from "./options.js";
import { table } from "./table.js";

export type Status = "ok" | "optional" | "problem";

export interface Finding {
  readonly name: string;
  readonly status: Status;
  /** What was found, and where something is missing, what to do. */
  readonly detail: string;
}

export function doctorCommand(context: Context): Command {
  return createCommand("doctor", "Show what this machine offers, and what to do about what it does not", [
    "doctor",
    "doctor --json",
  ]).action(async (flags: SharedOptions) => {
    const findings = await examine();
    printResult(context, flags, { ok: findings.every(({ status }) => status !== "problem"), findings }, () => {
      const marks: Readonly<Record<Status, string>> = { ok: "ok", optional: "–", problem: "!!" };
      return table(
        findings.map(({ name, status, detail }) => [marks[status], name, detail]),
        { left: true },
      );
    });
  });
}

export async function examine(): Promise<Finding[]> {
  return [
    nodeFinding(process.versions.node),
    { name: "platform", status: "ok", detail: `${process.platform} ${process.arch}` },
    memoryFinding(availableParallelism(), totalmem()),
    { name: "densekit", status: "ok", detail: ownVersion() },
    ...(await engineFindings()),
    ...(await tfjsFindings()),
    ...(await codecFindings()),
  ];
}

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return { name: "node", status: "ok", detail: version };
  const detail = `${version} is too old: install Node 20.19 or later, for example from https://nodejs.org`;
  return { name: "node", status: "problem", detail };
}

export function memoryFinding(cores: number, bytes: number): Finding {
  const gib = bytes / 2 ** 30;
  const found = `${cores} ${cores === 1 ? "core" : "cores"}, ${gib.toFixed(1)} GiB of memory`;
  if (gib >= 4) return { name: "machine", status: "ok", detail: found };
  const advice = "little for training: use the nano backbone, data.batchSize=1 and small pictures";
  return { name: "machine", status: "optional", detail: `${found}; ${advice}` };
}

async function engineFindings(): Promise<Finding[]> {
  try {
    const { availableProviders } = await import("../engines/onnxruntime.js");
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

/** Every backend is started, so that what is said to be ready is. */
async function tfjsFindings(): Promise<Finding[]> {
  const { load } = await import("../engines/tfjs/backends.js");
  const finding = async (backend: Backend): Promise<Finding> => {
    const name = `tfjs ${backend}`;
    const failure = await load(backend).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)).replace(`${backend}: `, ""),
    );
    if (failure !== undefined) return { name, status: "optional", detail: failure };
    const choice = `--set engine.type=tfjs --set engine.backends=[${backend}]`;
    return {
      name,
      status: "ok",
      detail: backend === "webgpu" ? `starts: ${choice}; ${NOT_TRIED}` : `ready: ${choice}`,
    };
  };
  const findings: Finding[] = [];
  for (const backend of BACKENDS) findings.push(await finding(backend));
  return findings;
}

/** Every provider offered is started, in a process of its own, so that what is said to start does. */
async function examineProvider(name: Provider, offered: readonly string[]): Promise<Finding> {
  const lacksLibraries = name === "cuda" && !hasCudaLibraries();
  if (name === "cpu" || lacksLibraries || !offered.includes(name)) {
    return providerFinding(name, { offered, cudaLibraries: !lacksLibraries });
  }
  const { tryProvider } = await import("../engines/tryProvider.js");
  return providerFinding(name, { offered, cudaLibraries: true, problem: await tryProvider(name) });
}

const NOT_TRIED = "densekit was not tried on it";

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

/** What has been run on a provider before this package was made. */
const SEEN: Readonly<Record<Exclude<Provider, "cpu">, string>> = {
  webgpu: "tested on a software adapter (SwiftShader) alone, on no GPU",
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

/** The CUDA libraries are no part of the npm package; its install script fetches them. */
function hasCudaLibraries(): boolean {
  const folder = packageFolder("onnxruntime-node");
  const binaries = join(folder, "bin", "napi-v6", process.platform, process.arch);
  return ["libonnxruntime_providers_cuda.so", "onnxruntime_providers_cuda.dll"].some((name) =>
    existsSync(join(binaries, name)),
  );
}

async function codecFindings(): Promise<Finding[]> {
  const { describeCodecs } = await import("../images/codecs.js");
  const codecs = await describeCodecs();
  const none = codecs.every(({ available }) => !available);
  return codecs.map(({ name, available, version, formats, problem }) => ({
    name: `codec ${name}`,
    status: available ? "ok" : none ? "problem" : "optional",
    detail: available ? `${version ?? ""} reads ${formats.join(", ")}`.trim() : (problem ?? "cannot be loaded"),
  }));
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
