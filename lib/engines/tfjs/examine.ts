import type { Finding } from "../kind.js";
import { BACKENDS, type Backend } from "./backendNames.js";
import { load } from "./backends.js";

/** Every backend is started, so that the report can be trusted. */
export async function examineTfjs(): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const backend of BACKENDS) findings.push(await examineBackend(backend));
  return findings;
}

async function examineBackend(backend: Backend): Promise<Finding> {
  const name = `tfjs ${backend}`;
  const failure = await load(backend).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)).replace(`${backend}: `, ""),
  );
  if (failure !== undefined) return { name, status: "optional", detail: failure };
  const choice = `--set engine.type=tfjs --set engine.backends=[${backend}]`;
  const detail = backend === "webgpu" ? `starts: ${choice}; untested with densekit` : `ready: ${choice}`;
  return { name, status: "ok", detail };
}
