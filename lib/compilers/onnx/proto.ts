import protobuf from "protobufjs";

type Field = { type: string; id: number; rule?: "repeated"; options?: { packed: boolean } };

const one = (type: string, id: number): Field => ({ type, id });
const many = (type: string, id: number): Field => ({ type, id, rule: "repeated" });

/** The messages of ONNX's onnx.proto that a model file needs, with their field numbers from the specification. */
const root = protobuf.Root.fromJSON({
  nested: {
    onnx: {
      nested: {
        AttributeProto: {
          fields: {
            name: one("string", 1),
            f: one("float", 2),
            i: one("int64", 3),
            s: one("bytes", 4),
            t: one("TensorProto", 5),
            g: one("GraphProto", 6),
            floats: many("float", 7),
            ints: many("int64", 8),
            strings: many("bytes", 9),
            type: one("int32", 20),
          },
        },
        NodeProto: {
          fields: {
            input: many("string", 1),
            output: many("string", 2),
            name: one("string", 3),
            opType: one("string", 4),
            attribute: many("AttributeProto", 5),
            domain: one("string", 7),
          },
        },
        TensorProto: {
          fields: {
            dims: many("int64", 1),
            dataType: one("int32", 2),
            name: one("string", 8),
            rawData: one("bytes", 9),
          },
        },
        Dimension: { fields: { dimValue: one("int64", 1), dimParam: one("string", 2) } },
        TensorShapeProto: { fields: { dim: many("Dimension", 1) } },
        TypeProtoTensor: { fields: { elemType: one("int32", 1), shape: one("TensorShapeProto", 2) } },
        TypeProtoSequence: { fields: { elemType: one("TypeProto", 1) } },
        TypeProto: { fields: { tensorType: one("TypeProtoTensor", 1), sequenceType: one("TypeProtoSequence", 4) } },
        ValueInfoProto: { fields: { name: one("string", 1), type: one("TypeProto", 2) } },
        GraphProto: {
          fields: {
            node: many("NodeProto", 1),
            name: one("string", 2),
            initializer: many("TensorProto", 5),
            input: many("ValueInfoProto", 11),
            output: many("ValueInfoProto", 12),
          },
        },
        // The interface of a graph; of the nodes, which may be many, one is kept to show that there are any.
        GraphHeader: {
          fields: {
            node: one("bytes", 1),
            input: many("ValueInfoProto", 11),
            output: many("ValueInfoProto", 12),
          },
        },
        ModelHeader: {
          fields: {
            graph: one("GraphHeader", 7),
            opsetImport: many("OperatorSetIdProto", 8),
            metadataProps: many("StringStringEntryProto", 14),
          },
        },
        OperatorSetIdProto: { fields: { domain: one("string", 1), version: one("int64", 2) } },
        StringStringEntryProto: { fields: { key: one("string", 1), value: one("string", 2) } },
        ModelProto: {
          fields: {
            irVersion: one("int64", 1),
            producerName: one("string", 2),
            producerVersion: one("string", 3),
            graph: one("GraphProto", 7),
            opsetImport: many("OperatorSetIdProto", 8),
            metadataProps: many("StringStringEntryProto", 14),
          },
        },
      },
    },
  },
});

const modelType = root.lookupType("onnx.ModelProto");

export type OnnxElementType = "float32" | "float16" | "uint8" | "int32" | "int64" | "bool";

export const ELEMENT_TYPES: Readonly<Record<OnnxElementType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};

export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly rawData: Uint8Array;
}

export type OnnxAttribute =
  | { readonly name: string; readonly type: 1; readonly f: number }
  | { readonly name: string; readonly type: 2; readonly i: number }
  | { readonly name: string; readonly type: 3; readonly s: Uint8Array }
  | { readonly name: string; readonly type: 5; readonly g: OnnxGraph }
  | { readonly name: string; readonly type: 6; readonly floats: readonly number[] }
  | { readonly name: string; readonly type: 7; readonly ints: readonly number[] };

export interface OnnxNode {
  readonly opType: string;
  readonly domain: string;
  readonly name: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly OnnxAttribute[];
}

/** A fixed size, a named free one, or an unnamed one. */
export interface OnnxDimension {
  readonly dimValue?: number;
  readonly dimParam?: string;
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly type: {
    readonly tensorType: {
      readonly elemType: number;
      readonly shape: { readonly dim: readonly OnnxDimension[] };
    };
  };
}

/** A sequence of tensors of one element type. */
export interface OnnxSequenceInfo {
  readonly name: string;
  readonly type: {
    readonly sequenceType: { readonly elemType: { readonly tensorType: { readonly elemType: number } } };
  };
}

export interface OnnxGraph {
  readonly name: string;
  readonly node: readonly OnnxNode[];
  readonly initializer: readonly OnnxTensor[];
  readonly input: readonly OnnxValueInfo[];
  readonly output: readonly (OnnxValueInfo | OnnxSequenceInfo)[];
}

export interface OnnxModel {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion?: string;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly graph: OnnxGraph;
  readonly metadataProps?: readonly { readonly key: string; readonly value: string }[];
}

export function encodeModel(model: OnnxModel): Uint8Array {
  const weights = model.graph.initializer.reduce((bytes, { rawData }) => bytes + rawData.byteLength, 0);
  return modelType.encode(modelType.fromObject(model), writerOf(weights + REST_BYTES)).finish(true);
}

/** Usually more than a graph takes without its weights. */
const REST_BYTES = 2 ** 20;

/** A writer that need not grow; growing would leave dead buffers with the same total size. */
function writerOf(bytes: number): protobuf.Writer {
  const usual = protobuf.Writer.initialBufferSize;
  try {
    protobuf.Writer.initialBufferSize = bytes;
    return protobuf.Writer.create();
  } finally {
    protobuf.Writer.initialBufferSize = usual;
  }
}

/** The result of `decodeHeader`. What a file leaves out is undefined or empty. */
export interface OnnxFileHeader {
  readonly graph?: {
    readonly node?: Uint8Array;
    readonly input: readonly DecodedInfo[];
    readonly output: readonly DecodedInfo[];
  };
  readonly opsetImport: readonly { readonly domain?: string; readonly version?: number }[];
  readonly metadataProps: readonly { readonly key?: string; readonly value?: string }[];
}

export interface DecodedInfo {
  readonly name?: string;
  readonly type?: {
    readonly tensorType?: {
      readonly elemType?: number;
      readonly shape?: { readonly dim: readonly DecodedDimension[] };
    };
  };
}

interface DecodedDimension {
  readonly dimValue?: number;
  readonly dimParam?: string;
}

const headerType = root.lookupType("onnx.ModelHeader");
/** Inputs, outputs or entries of metadata: far more than a model has. */
const MOST_ENTRIES = 10_000;

/** Reads a model's header. @throws Error when the bytes are not such a message, or have absurdly many entries */
export function decodeHeader(bytes: Uint8Array): OnnxFileHeader {
  checkEntries(bytes);
  return headerType.toObject(headerType.decode(bytes), { longs: Number, arrays: true }) as OnnxFileHeader;
}

/** An empty entry takes two bytes in the file and a hundred times as many in memory: they are counted before. */
function checkEntries(bytes: Uint8Array): void {
  const reader = protobuf.Reader.create(bytes);
  let entries = 0;
  const count = (end: number, listed: readonly number[], inner?: number): void => {
    while (reader.pos < end) {
      const tag = reader.uint32();
      const [id, wireType] = [tag >>> 3, tag & 7];
      if (listed.includes(id) && ++entries > MOST_ENTRIES) throw new Error(`more than ${MOST_ENTRIES} entries`);
      if (id === inner && wireType === 2) count(reader.uint32() + reader.pos, [11, 12]);
      else reader.skipType(wireType);
    }
  };
  count(bytes.length, [8, 14], 7);
}

/** @param shape a size, the name of a free one, or undefined for one without a name */
export function valueInfo(
  name: string,
  elementType: OnnxElementType,
  shape: readonly (number | string | undefined)[],
): OnnxValueInfo {
  const dim = shape.map((n) =>
    typeof n === "number" ? { dimValue: n } : typeof n === "string" ? { dimParam: n } : {},
  );
  return { name, type: { tensorType: { elemType: ELEMENT_TYPES[elementType], shape: { dim } } } };
}
