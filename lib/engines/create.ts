import type { Engine } from "./engine.js";
import { onnxRuntimeEngine, type Provider } from "./onnxruntime.js";
import type { Backend } from "./tfjs/backends.js";
import { tfjsEngine } from "./tfjs/engine.js";

export interface EngineChoice {
  readonly type: "onnxruntime" | "tfjs";
  /** Of onnxruntime. */
  readonly providers: readonly Provider[];
  readonly threads: number;
  /** Of tfjs. */
  readonly backends: readonly Backend[];
}

/** The engine a config chooses. @throws UserError when this machine does not have what it asks for */
export function createEngine({ type, providers, threads, backends }: EngineChoice): Engine {
  return type === "tfjs" ? tfjsEngine({ backends }) : onnxRuntimeEngine({ providers, threads });
}
