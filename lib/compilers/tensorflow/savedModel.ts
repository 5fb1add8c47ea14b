import { type Attribute, ELEMENT_TYPES, type GraphConstant, type GraphNode } from "./emitter.js";
import { encodeSavedModel } from "./proto.js";
import type { SignatureTensor, TensorFlowGraph } from "./write.js";

/** The version of the graph's format (TensorFlow 2.16's), and TensorFlow's own, which some readers require. */
const PRODUCER = 1766;
const TENSORFLOW = "2.16.1";

/** The bytes of a `saved_model.pb` with the graph under the tag `serve` and the signature `serving_default`. */
export function savedModel({ nodes, constants, inputs, outputs }: TensorFlowGraph): Uint8Array {
  const signature = {
    inputs: tensorInfos(inputs),
    outputs: tensorInfos(outputs),
    methodName: "tensorflow/serving/predict",
  };
  const graphDef = { node: [...constants.map(constantNode), ...nodes.map(node)], versions: { producer: PRODUCER } };
  return encodeSavedModel({
    savedModelSchemaVersion: 1,
    metaGraphs: [
      {
        metaInfoDef: { tags: ["serve"], tensorflowVersion: TENSORFLOW },
        graphDef,
        signatureDef: { serving_default: signature },
      },
    ],
  });
}

const shapeProto = (shape: readonly number[]) => ({ dim: shape.map((size) => ({ size })) });

const bytes = (text: string) => new TextEncoder().encode(text);

function encodeAttribute(attribute: Attribute): object {
  if ("s" in attribute) return { s: bytes(attribute.s) };
  if ("shape" in attribute) return { shape: shapeProto(attribute.shape) };
  if ("ints" in attribute) return { list: { i: attribute.ints } };
  if ("strings" in attribute) return { list: { s: attribute.strings.map(bytes) } };
  return attribute; // type, i, b, f
}

function node({ name, op, input, attributes }: GraphNode): object {
  const attr = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, encodeAttribute(value)]));
  return { name, op, input, attr };
}

function constantNode({ name, shape, type, data }: GraphConstant): object {
  const tensorContent = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const tensor = { dtype: type, tensorShape: shapeProto(shape), tensorContent };
  return { name, op: "Const", input: [], attr: { dtype: { type }, value: { tensor } } };
}

function tensorInfos(tensors: Readonly<Record<string, SignatureTensor>>): object {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { node: source, shape, dtype }]) => [
      name,
      { name: `${source}:0`, dtype: ELEMENT_TYPES[dtype], tensorShape: shapeProto(shape) },
    ]),
  );
}
