import { type Attribute, ELEMENT_TYPES, type GraphConstant, type GraphNode } from "./emitter.js";
import { type EncodedWeights, encodeWeights, type Precision, type WeightEntry } from "./weights.js";
import type { SignatureTensor, TensorFlowGraph } from "./write.js";

/** A model as TF.js reads it: what `model.json` says of the graph, and all weights in one sequence. */
export interface GraphModel {
  readonly modelTopology: object;
  readonly signature: object;
  readonly weightSpecs: readonly WeightEntry[];
  readonly weights: Uint8Array;
}

/** @param precision of the trained kernels; everything else stays float32 */
export function graphModel(graph: TensorFlowGraph, precision: Precision = "float32"): GraphModel {
  const { entries, bytes }: EncodedWeights = encodeWeights(graph.constants, precision);
  return {
    modelTopology: {
      node: [...graph.constants.map(constantNode), ...graph.nodes.map(node)],
      library: {},
      versions: { producer: 1645 },
    },
    signature: { inputs: signatureOf(graph.inputs), outputs: signatureOf(graph.outputs) },
    weightSpecs: entries,
    weights: bytes,
  };
}

/** TF.js's `parseTensorShape` and similar functions expect numbers as text, as protocol buffers have them in JSON. */
const dims = (shape: readonly number[]) => ({ dim: shape.map((n) => ({ size: String(n) })) });

const base64 = (text: string): string => btoa(text);

function encodeAttribute(attribute: Attribute): object {
  if ("i" in attribute) return { i: String(attribute.i) };
  if ("s" in attribute) return { s: base64(attribute.s) };
  if ("shape" in attribute) return { shape: dims(attribute.shape) };
  if ("ints" in attribute) return { list: { i: attribute.ints.map(String) } };
  if ("strings" in attribute) return { list: { s: attribute.strings.map(base64) } };
  return attribute; // type, b, f
}

function node({ name, op, input, attributes }: GraphNode): object {
  const attr = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, encodeAttribute(value)]));
  return { name, op, ...(input.length > 0 && { input }), attr };
}

/** A constant's elements are with the weights. */
function constantNode({ name, shape, type }: GraphConstant): object {
  const value = { tensor: { dtype: type, tensorShape: dims(shape) } };
  return { name, op: "Const", attr: { dtype: { type }, value } };
}

function signatureOf(tensors: Readonly<Record<string, SignatureTensor>>): object {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { node: source, shape, dtype }]) => [
      name,
      { name: `${source}:0`, dtype: ELEMENT_TYPES[dtype], tensorShape: dims(shape) },
    ]),
  );
}
