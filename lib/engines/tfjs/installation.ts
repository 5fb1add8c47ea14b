import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { cacheFolder } from "../../cacheFolder.js";

/** What `densekit engine install tensorflow` puts together. */
export const TFJS_NODE = "4.22.0";
export const TENSORFLOW = "2.16.1";

export const MANIFEST = "densekit.json";

/** The contents of an installation: the files that are run, relative to its folder. */
export interface Manifest {
  readonly tensorflow: string;
  readonly tfjsNode: string;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
}

const PACKAGE = join("node_modules", "@tensorflow", "tfjs-node");
export const LIBRARY_FOLDER = join(PACKAGE, "deps", "lib");
export const LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"] as const;
export const BINDING = join(PACKAGE, "lib", "napi-v8", "tfjs_binding.node");
export const BINDING_SOURCES = join(PACKAGE, "binding");

export function installationFolder(cache = cacheFolder()): string {
  return join(cache, `tensorflow-${TENSORFLOW}_tfjs-node-${TFJS_NODE}_${process.platform}-${process.arch}`);
}

/** The folder where `densekit engine install tensorflow` has put an intact @tensorflow/tfjs-node, if any. */
export async function installedTensorFlow(): Promise<string | undefined> {
  const folder = installationFolder();
  const manifest = await readManifest(folder);
  if (manifest === undefined) return undefined;
  for (const { path, bytes } of manifest.files) {
    const there = await stat(join(folder, path)).catch(() => undefined);
    if (there?.size !== bytes) return undefined;
  }
  return folder;
}

export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const text = await readFile(join(folder, MANIFEST), "utf8").catch(() => undefined);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Manifest);
  } catch {
    return undefined;
  }
}

/** The files of an installation that have changed since it was made. */
export async function damagedFiles(folder: string, { files }: Manifest): Promise<string[]> {
  const damaged: string[] = [];
  for (const { path, sha256 } of files) {
    if ((await sha256Of(join(folder, path)).catch(() => "")) !== sha256) damaged.push(path);
  }
  return damaged;
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
