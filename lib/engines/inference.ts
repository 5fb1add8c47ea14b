import type { Value } from "../graph/index.js";
import { optimiseForInference } from "../graph/passes/optimise.js";
import type { Engine, Program, Tensors } from "./engine.js";

/**
 * Optimises the graph of a model with constant parameters and compiles it; the engine itself computes the folded
 * constants.
 */
export function compileForInference(engine: Engine, outputs: Readonly<Record<string, Value>>): Promise<Program> {
  // An async function's frame would keep the folded constants while the engine copies them.
  return optimiseForInference(outputs, (constants) => runOnce(engine, constants)).then((folded) =>
    engine.compile(folded),
  );
}

/** Compiles and runs a program without inputs, and releases its memory. */
export async function runOnce(engine: Engine, outputs: Readonly<Record<string, Value>>): Promise<Tensors> {
  const program = await engine.compile(outputs);
  try {
    return await program.run({});
  } finally {
    await program.dispose();
  }
}
