import type { TensorType, Value } from "../../graph/index.js";
import { type FuseOptions, fuse } from "../cpu/fusion/fuse.js";
import { Emitter } from "./emitter.js";
import {
  ELEMENT_TYPES,
  encodeModel,
  type OnnxNode,
  type OnnxSequenceInfo,
  type OnnxValueInfo,
  valueInfo,
} from "./proto.js";
import { type Dialect, FIXED_SIZES } from "./target.js";
import { Writer } from "./writer.js";

/** Opset 20 is the first with GELU. */
export const OPSET = 20;
export const IR_VERSION = 9;

export interface OnnxFile {
  readonly bytes: Uint8Array;
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
}

export interface WriteOptions {
  readonly dialect: Dialect;
  /**
   * Compute element-by-element operators together, block by block (`Scan`), so that intermediate results stay in the
   * caches. For onnxruntime, but with standard operators.
   */
  readonly fuse?: FuseOptions | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
  /** A first output of this name, an empty sequence. `OnnxFile.outputs` does not list it. */
  readonly sequence?: string;
}

/** Writes the graph of the named outputs as an ONNX model; the graph's inputs become the model's inputs. */
export function writeOnnx(graph: Readonly<Record<string, Value>>, options: WriteOptions): OnnxFile {
  const outputs = options.fuse === undefined ? graph : fuse(graph, options.fuse);
  const emit = new Emitter();
  const writer = new Writer(emit, { dialect: options.dialect, opset: OPSET, sizes: FIXED_SIZES, half: false });
  const nodes = writer.write(outputs);
  const named = Object.entries(outputs);
  const sequence = options.sequence === undefined ? undefined : emptySequence(options.sequence);
  const bytes = encodeModel({
    irVersion: IR_VERSION,
    producerName: "densekit",
    opsetImport: [{ domain: "", version: OPSET }, ...[...emit.domains].map((domain) => ({ domain, version: 1 }))],
    graph: {
      name: "densekit",
      node: sequence === undefined ? nodes : [...nodes, sequence.node],
      initializer: emit.initializers,
      input: [...writer.inputs].map(([name, type]) => info(name, type)),
      output: [...(sequence === undefined ? [] : [sequence.info]), ...named.map(([name, value]) => info(name, value))],
    },
    metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) => ({ key, value })),
  });
  return {
    bytes,
    inputs: typesOf([...writer.inputs]),
    outputs: typesOf(named),
  };
}

/** A node whose output is an empty sequence of this name. */
export function emptySequence(name: string): { readonly node: OnnxNode; readonly info: OnnxSequenceInfo } {
  return {
    node: {
      opType: "SequenceEmpty",
      domain: "",
      name: `SequenceEmpty:${name}`,
      input: [],
      output: [name],
      attribute: [],
    },
    info: { name, type: { sequenceType: { elemType: { tensorType: { elemType: ELEMENT_TYPES.float32 } } } } },
  };
}

function info(name: string, { shape, dtype }: TensorType): OnnxValueInfo {
  return valueInfo(name, dtype, shape);
}

const typesOf = (values: readonly (readonly [name: string, value: Value])[]) =>
  Object.fromEntries(values.map(([name, { shape, dtype }]) => [name, { shape, dtype }]));
