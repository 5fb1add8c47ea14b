// Our side of a case, in a process of its own: the same protocol as bench/peers/serve.py.

import { createInterface } from "node:readline";
import { claimProcess } from "../lib/process.js";
import { timedRuns } from "../lib/profile/measure.js";
import { peakMemory } from "../lib/profile/peakMemory.js";
import type { CaseOptions, Prepare, PreparedCase, Reply, Request } from "./protocol.js";

claimProcess(); // so that it is measured as on the command line

const DEFAULTS: CaseOptions = {
  variant: "l1",
  size: [512, 512],
  batch: 1,
  objects: 8,
  layout: "contiguous",
  path: "",
  threads: 2,
};

let prepared: PreparedCase | undefined;

async function answer(request: Request): Promise<Reply> {
  if (request.cmd === "prepare") {
    const module: { prepare: Prepare } = await import(`./cases/${request.case}.js`);
    prepared = await module.prepare({ ...DEFAULTS, ...request.options });
    return { checksum: prepared.checksum ?? null };
  }
  if (prepared === undefined) throw new Error(`${request.cmd} before prepare`);
  if (request.cmd === "run") {
    const { run } = prepared;
    return { ms: await timedRuns(() => run(), request.seconds) };
  }
  if (request.cmd === "report") {
    const peakMb = peakMemory() / 2 ** 20;
    return { peakMb, check: prepared.check?.() ?? null, note: prepared.note?.() ?? "" };
  }
  throw new Error(`no such command here: ${request.cmd}`);
}

for await (const line of createInterface({ input: process.stdin })) {
  const request: Request = JSON.parse(line);
  const reply = await answer(request).catch(
    (error: unknown): Reply => ({
      error: error instanceof Error ? error.message : String(error),
    }),
  );
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
await prepared?.dispose();
