import { setImmediate as nextTurn } from "node:timers/promises";
import * as ort from "onnxruntime-node";
import type { FuseOptions } from "../../compilers/cpu/fusion/fuse.js";
import { winograd } from "../../compilers/cpu/winograd/winograd.js";
import { type OnnxFile, writeOnnx } from "../../compilers/onnx/write.js";
import { UserError } from "../../errors.js";
import {
  constantData,
  conv2dOperator,
  isOperator,
  nodesInOrder,
  type TensorData,
  type TensorType,
  type Value,
} from "../../graph/index.js";
import { isOwnProcess } from "../../process.js";
import { type CompileOptions, checkTensor, type Engine, newArray, type Program, type Tensors } from "../engine.js";
import { collectCopies } from "./garbage.js";
import { timeKernels } from "./kernelTimes.js";
import type { Provider } from "./providers.js";
import { isWorthStopping, runUncopied, STOP } from "./uncopied.js";

// Errors are thrown; onnxruntime's own log would only repeat them.
const FATAL = 4;

export interface OnnxRuntimeOptions {
  /** Tried in this order for every operator; cpu runs those that the others cannot. */
  readonly providers?: readonly Provider[];
  /** Threads inside one operator; 0 lets onnxruntime use one per core. */
  readonly threads?: number;
  /** Whether freed memory is kept for the next run. Costs memory, saves time. */
  readonly arena?: boolean;
  /**
   * Compute element-by-element operators together, block by block, which saves much memory and some time. By default on
   * the CPU for graphs whose kernels are inputs, as in training: around constant kernels onnxruntime has its own
   * layouts and fusions.
   */
  readonly fuse?: boolean | FuseOptions;
  /**
   * Compute 3 × 3 convolutions of many channels and their gradients by minimal filtering: faster, with rounding errors
   * about ten times larger. By default on x64 CPUs.
   */
  readonly winograd?: boolean;
  /** Avoid the copies that onnxruntime-node makes of all outputs (`uncopied.ts`). By default on the CPU. */
  readonly uncopied?: boolean;
  readonly optimisation?: "disabled" | "basic" | "extended" | "all";
}

/** The providers the onnxruntime of this machine offers. */
export function availableProviders(): readonly Provider[] {
  return ort.listSupportedBackends().map((backend) => backend.name as Provider);
}

/**
 * The engine on onnxruntime: every graph is written as an ONNX model and run by its own session.
 *
 * @throws UserError when a provider is asked for that this machine does not offer
 */
export function onnxRuntimeEngine(options: OnnxRuntimeOptions = {}): Engine {
  if (isOwnProcess()) ort.env.logLevel = "fatal"; // for what is not logged by a session
  const providers = options.providers ?? ["cpu"];
  const offered = availableProviders();
  for (const provider of providers) {
    if (offered.includes(provider)) continue;
    throw new UserError(
      `engine.providers: onnxruntime has no provider "${provider}" on this machine; it offers ${offered.join(", ")}`,
    );
  }
  const sessionOptions: ort.InferenceSession.SessionOptions = {
    executionProviders: providers.includes("cpu") ? [...providers] : [...providers, "cpu"],
    intraOpNumThreads: options.threads ?? 0,
    graphOptimizationLevel: options.optimisation ?? "all",
    enableCpuMemArena: options.arena ?? true,
    // A plan of all allocations in one block would be added to what the first run allocated without it.
    enableMemPattern: false,
    logSeverityLevel: FATAL,
  };
  /** The file of a graph, and the options of its session. */
  const prepare = (
    outputs: Readonly<Record<string, Value>>,
    { keepMemory = true, partOf = outputs }: CompileOptions,
  ): readonly [OnnxFile, ort.InferenceSession.SessionOptions] => {
    const onCpu = providers.every((provider) => provider === "cpu");
    const fuse = options.fuse ?? (onCpu && !hasConstantKernels(partOf));
    const filtered = (options.winograd ?? (onCpu && process.arch === "x64")) ? winograd(outputs) : outputs;
    const file = writeOnnx(filtered, {
      // onnxruntime's own operators only run on the CPU: with another provider, data would be sent there and back.
      dialect: onCpu ? "onnxruntime" : "standard",
      ...((options.uncopied ?? (onCpu && isWorthStopping(outputs))) ? { sequence: STOP } : {}),
      fuse: fuse === true ? {} : fuse === false ? undefined : fuse,
    });
    return [file, { ...sessionOptions, enableCpuMemArena: keepMemory && sessionOptions.enableCpuMemArena === true }];
  };
  return {
    name: `onnxruntime (${providers.join(", ")})`,
    version: ort.env.versions.node ?? ort.env.versions.common,
    // Not an async function: its frame would keep the graph, with all its constants, while the session copies them.
    compile: (outputs, how = {}) => start(...prepare(outputs, how), providers),
    kernelTimes(outputs, inputs, runs, how = {}) {
      const [file, own] = prepare(outputs, how);
      const run = async (session: ort.InferenceSession) =>
        void (await program(session, file.inputs, file.outputs).run(inputs));
      return timeKernels(file.bytes, own, run, runs);
    },
  };
}

function start(
  { bytes, inputs, outputs }: OnnxFile,
  options: ort.InferenceSession.SessionOptions,
  providers: readonly Provider[],
): Promise<Program> {
  const size = bytes.length;
  return createSession(bytes, options).then(
    (session) => {
      collectCopies(size); // the file's
      return program(session, inputs, outputs);
    },
    (error: unknown) => {
      throw startFailure(error, providers);
    },
  );
}

async function createSession(bytes: Uint8Array, options: ort.InferenceSession.SessionOptions) {
  await nextTurn(); // by then the caller is finished, and what it made the file from can be freed
  collectCopies(bytes.length);
  return ort.InferenceSession.create(bytes, options);
}

/** What onnxruntime puts before its message: file, function and the failed condition. */
const PLACE_IN_SOURCE = /^\/\S+:\d+ .* was false\. /;

/** A provider that onnxruntime was built with can still lack its driver, libraries or device. */
function startFailure(error: unknown, providers: readonly Provider[]): unknown {
  const named = providers.filter((provider) => provider !== "cpu");
  if (named.length === 0) return error;
  const [line = ""] = (error instanceof Error ? error.message : String(error)).trim().split("\n");
  const reason = line.replace(PLACE_IN_SOURCE, "");
  const failure = new UserError(
    `engine.providers: onnxruntime could not start ${named.join(", ")} on this machine (${reason}); ` +
      "`densekit doctor` says what it needs, and cpu works everywhere",
  );
  failure.cause = reason;
  return failure;
}

function hasConstantKernels(outputs: Readonly<Record<string, Value>>): boolean {
  return nodesInOrder(Object.values(outputs)).some(
    (node) => isOperator(node, conv2dOperator) && constantData(node.inputs[1]!) !== undefined,
  );
}

type Types = Readonly<Record<string, TensorType>>;

function program(session: ort.InferenceSession, inputs: Types, outputs: Types): Program {
  const read = new Set(session.inputNames);
  return {
    inputs,
    outputs,
    async run(given: Tensors, into: Tensors = {}): Promise<Tensors> {
      const feeds: Record<string, ort.Tensor> = {};
      for (const [name, type] of Object.entries(inputs)) {
        const data = tensor(given[name], type, name);
        if (read.has(name)) feeds[name] = data;
      }
      const own: Record<string, TensorData> = {};
      const fetches: Record<string, ort.Tensor> = {};
      for (const [name, type] of Object.entries(outputs)) {
        own[name] = into[name] ?? newArray(type);
        fetches[name] = tensor(own[name], type, name);
      }
      if (session.outputNames[0] === STOP && (await runUncopied(session, feeds, fetches))) return own;
      await session.run(feeds, fetches);
      collectCopies(Object.values(own).reduce((bytes, data) => bytes + data.byteLength, 0));
      return own;
    },
    dispose: () => session.release(),
  };
}

function tensor(data: TensorData | undefined, type: TensorType, name: string): ort.Tensor {
  return new ort.Tensor(type.dtype, checkTensor(data, type, name), type.shape);
}
