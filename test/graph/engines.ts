import type { Engine } from "../../lib/engines/engine.js";
import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime/engine.js";
import { tfjsEngine } from "../../lib/engines/tfjs/engine.js";
import { installedTensorFlow } from "../../lib/engines/tfjs/installation.js";
import { claimProcess } from "../../lib/process.js";
import { holdWebGpu, releaseWebGpu, webGpuName } from "../support/webgpu.js";

/** TensorFlow is tested if `densekit engine install tensorflow` has built it. */
const native = (await installedTensorFlow()) !== undefined;
if (native) claimProcess(); // Node 23 and later lack what tfjs-node calls

interface TestedEngine {
  readonly name: string;
  readonly make: () => Engine;
  /** Slow to start and to run: fewer samples. */
  readonly slow?: boolean;
  /** Moves transpositions past operators. */
  readonly movesAxes?: boolean;
  /** Runs before a suite: skips it if the engine is not available. */
  readonly hold?: (context: Mocha.Context) => Promise<void>;
  /** Runs after a suite. */
  readonly release?: () => Promise<void>;
}

/** The engines every operator is tested on. */
const engines: readonly TestedEngine[] = [
  { name: "onnxruntime", make: () => onnxRuntimeEngine({ threads: 1 }), movesAxes: true },
  {
    name: `onnxruntime (webgpu, ${webGpuName})`,
    make: () => onnxRuntimeEngine({ providers: ["webgpu"], threads: 1 }),
    slow: true,
    movesAxes: true,
    hold: holdWebGpu,
    release: releaseWebGpu,
  },
  { name: "tfjs (wasm)", make: () => tfjsEngine({ backends: ["wasm"] }), slow: true },
  { name: "tfjs (cpu)", make: () => tfjsEngine({ backends: ["cpu"] }), slow: true },
  ...(native ? [{ name: "tfjs (tensorflow)", make: () => tfjsEngine({ backends: ["tensorflow"] }) }] : []),
];

/** Declares tests for each engine. */
export function onEveryEngine(
  title: (engine: string) => string,
  tests: (engine: () => Engine, tested: TestedEngine) => void,
): void {
  for (const tested of engines) {
    describe(title(tested.name), () => {
      let engine: Engine | undefined;
      before(async function () {
        await tested.hold?.(this);
        engine = tested.make();
      });
      after(() => tested.release?.());
      tests(() => engine!, tested);
    });
  }
}
