import { UserError } from "../../errors.js";
import type { DType } from "../../graph/index.js";
import { type DecodedInfo, decodeHeader, ELEMENT_TYPES } from "./proto.js";

/** An ONNX file's metadata and interface. */
export interface OnnxHeader {
  readonly metadata: Readonly<Record<string, string>>;
  readonly opset: number;
  readonly inputs: Readonly<Record<string, OnnxType>>;
  readonly outputs: Readonly<Record<string, OnnxType>>;
}

export interface OnnxType {
  readonly dtype: DType;
  /** A free size has a name, or none. */
  readonly shape: readonly (number | string | undefined)[];
}

const DTYPES = new Map<number, DType>([
  [ELEMENT_TYPES.float32, "float32"],
  [ELEMENT_TYPES.uint8, "uint8"],
  [ELEMENT_TYPES.int32, "int32"],
  [ELEMENT_TYPES.bool, "bool"],
]);

/** @throws UserError when the bytes are not an ONNX model, or one with input types that densekit does not write */
export function readOnnx(bytes: Uint8Array, path: string): OnnxHeader {
  let header: ReturnType<typeof decodeHeader>;
  try {
    header = decodeHeader(bytes);
  } catch {
    throw new UserError(`${path}: not an ONNX model, or a damaged one`);
  }
  const { graph, metadataProps, opsetImport } = header;
  if (graph?.node === undefined) throw new UserError(`${path}: not an ONNX model, or an empty one`);
  const types = (infos: readonly DecodedInfo[]) =>
    Object.fromEntries(infos.map((info) => [info.name ?? "", typeOf(info, path)]));
  return {
    metadata: Object.fromEntries(metadataProps.map(({ key = "", value = "" }) => [key, value])),
    opset: opsetImport.find(({ domain }) => !domain)?.version ?? 0,
    inputs: types(graph.input),
    outputs: types(graph.output),
  };
}

function typeOf({ name = "", type }: DecodedInfo, path: string): OnnxType {
  if (type?.tensorType === undefined) {
    throw new UserError(`${path}: ${name} is no tensor; no model of densekit has such`);
  }
  const { elemType = 0, shape } = type.tensorType;
  const dtype = DTYPES.get(elemType);
  if (dtype === undefined) {
    throw new UserError(`${path}: ${name} has ONNX element type ${elemType}, which no model of densekit has`);
  }
  if (shape === undefined)
    throw new UserError(`${path}: ${name} has no shape; every model of densekit says its shapes`);
  return { dtype, shape: shape.dim.map(({ dimValue, dimParam }) => dimParam || dimValue || undefined) };
}
