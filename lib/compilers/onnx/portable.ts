import { UserError } from "../../errors.js";
import type { Value } from "../../graph/index.js";
import type { Outputs } from "../../graph/passes/rewrite.js";
import { Emitter } from "./emitter.js";
import { expand } from "./expand.js";
import { FreeSizes } from "./freeSizes.js";
import { checkOperators, checkOpset, DEFAULT_OPSET, irVersionOf } from "./opsets.js";
import { encodeModel, type OnnxGraph, type OnnxValueInfo, valueInfo } from "./proto.js";
import { FIXED_SIZES } from "./target.js";
import { Writer } from "./writer.js";

/** The sizes of the inputs at which a build was recorded, by the names that free sizes have in the file. */
export type NamedSizes = Readonly<Record<string, number>>;

export interface Build {
  readonly outputs: Outputs;
  readonly sizes: NamedSizes;
}

export interface PortableOptions {
  /** The graph; if sizes are free, the same graph recorded at several sizes. */
  readonly builds: readonly [Build, ...Build[]];
  readonly opset?: number;
  /** Weights and products in float16; inputs and outputs stay float32. */
  readonly half: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  /** densekit's version, which the file names as its producer. */
  readonly version: string;
}

/** The largest size of a protobuf message, which an ONNX file is. */
const LARGEST_FILE = 2 ** 31 - 1;

/**
 * Writes a graph for other programs: only operators of the ONNX standard, without the rearrangements for densekit's own
 * runs.
 *
 * @throws UserError when an operator is newer than the opset, or the file would be too large
 */
export function writePortableOnnx({
  builds,
  opset = DEFAULT_OPSET,
  half,
  metadata,
  version,
}: PortableOptions): Uint8Array {
  checkOpset(opset);
  const graphs = builds.map(({ outputs }) => expand(outputs));
  const free = graphs.length > 1 ? new FreeSizes(graphs) : undefined;
  const emit = new Emitter();
  const writer = new Writer(emit, { dialect: "standard", opset, half, sizes: free ?? FIXED_SIZES });
  const outputs = graphs[0]!;
  const node = writer.write(outputs);
  checkOperators(node, opset);
  const weights = emit.initializers.reduce((bytes, { rawData }) => bytes + rawData.byteLength, 0);
  if (weights > LARGEST_FILE) {
    throw new UserError(
      `the model's weights take ${(weights / 2 ** 30).toFixed(1)} GiB, and an ONNX file holds at most 2; export in float16`,
    );
  }
  const sizes = builds.map((build) => build.sizes);
  const info = (name: string, value: Value): OnnxValueInfo => {
    const axis = (n: number, i: number) => (free === undefined ? n : openSize(free.numbersOf(value, i), sizes));
    return valueInfo(name, value.dtype, value.shape.map(axis));
  };
  const graph: OnnxGraph = {
    name: "densekit",
    node,
    initializer: emit.initializers,
    input: [...writer.inputs].map(([name, value]) => info(name, value)),
    output: Object.entries(outputs).map(([name, value]) => info(name, value)),
  };
  return encodeModel({
    irVersion: irVersionOf(opset),
    producerName: "densekit",
    producerVersion: version,
    opsetImport: [{ domain: "", version: opset }],
    graph,
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  });
}

/**
 * A fixed number unchanged; a free one by the name of the size that it equals or is a fraction or multiple of,
 * otherwise without a name.
 */
function openSize(numbers: readonly number[], sizes: readonly NamedSizes[]): number | string | undefined {
  if (numbers.every((n) => n === numbers[0])) return numbers[0];
  for (const name of Object.keys(sizes[0]!)) {
    const ratio = numbers[0]! / sizes[0]![name]!;
    if (!numbers.every((n, i) => n === ratio * sizes[i]![name]!)) continue;
    if (ratio === 1) return name;
    return ratio > 1 ? `${ratio} * ${name}` : `${name} / ${1 / ratio}`;
  }
  return undefined;
}
