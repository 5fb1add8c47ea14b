import { openEngine } from "../engines/index.js";
import { compileForInference } from "../engines/inference.js";
import { claimProcess } from "../process.js";
import type { MemoryTask, MemoryUse } from "./memory.js";
import { openModel } from "./model.js";
import { openNetwork, record } from "./network.js";
import { peakMemory } from "./peakMemory.js";

/* The process that `memoryOf` starts: it sends its parent one message with the memory that a model takes. */

const RUNS = 3;

claimProcess();

async function trial({ model, overrides, allowPlugins = false, classes, batch, size }: MemoryTask): Promise<MemoryUse> {
  const before = peakMemory();
  const named = await openModel(model, { overrides, allowPlugins });
  const network = await openNetwork(named, classes);
  network.values.flat.fill(0.01); // pages that were never written to are not resident
  network.values.flatBuffers.fill(1);
  const { outputs, inputs } = record(network, batch, size);
  const program = await compileForInference(await openEngine(named.config.engine), outputs);
  for (let i = 0; i < RUNS; i++) await program.run(inputs);
  await program.dispose();
  return { peak: peakMemory(), before };
}

process.send?.(await trial(JSON.parse(process.argv[2]!)));
process.disconnect?.();
