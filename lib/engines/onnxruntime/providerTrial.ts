import { input, mul, scalar } from "../../graph/index.js";
import { onnxRuntimeEngine } from "./engine.js";
import type { Provider } from "./providers.js";

/*
 * The process that `tryProvider` starts: sends its parent one message with what goes wrong with the given provider, or
 * nothing if it computes the right result.
 */

async function trial(provider: Provider): Promise<string | undefined> {
  try {
    const program = await onnxRuntimeEngine({ providers: [provider] }).compile({ y: mul(input("x", [2]), scalar(3)) });
    const { y } = await program.run({ x: Float32Array.of(2, 7) });
    await program.dispose();
    return `${y}` === "6,21" ? undefined : `it computes 3 · (2, 7) as (${y})`;
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    return typeof error.cause === "string" ? error.cause : error.message;
  }
}

process.send?.({ problem: await trial(process.argv[2] as Provider) });
process.disconnect?.();
