import protobuf from "protobufjs";

type Field = { type: string; id: number; rule?: "repeated"; keyType?: string };

const one = (type: string, id: number): Field => ({ type, id });
const many = (type: string, id: number): Field => ({ type, id, rule: "repeated" });
const map = (type: string, id: number): Field => ({ keyType: "string", type, id });

/** The messages of TensorFlow's saved_model.proto and those below it that a graph of constants needs. */
const root = protobuf.Root.fromJSON({
  nested: {
    tensorflow: {
      nested: {
        DataType: { values: { DT_INVALID: 0, DT_FLOAT: 1, DT_INT32: 3, DT_BOOL: 10 } },
        Dim: { fields: { size: one("int64", 1) } },
        TensorShapeProto: { fields: { dim: many("Dim", 2) } },
        TensorProto: {
          fields: {
            dtype: one("DataType", 1),
            tensorShape: one("TensorShapeProto", 2),
            tensorContent: one("bytes", 4),
          },
        },
        ListValue: { fields: { s: many("bytes", 2), i: many("int64", 3) } },
        AttrValue: {
          fields: {
            list: one("ListValue", 1),
            s: one("bytes", 2),
            i: one("int64", 3),
            f: one("float", 4),
            b: one("bool", 5),
            type: one("DataType", 6),
            shape: one("TensorShapeProto", 7),
            tensor: one("TensorProto", 8),
          },
          oneofs: { value: { oneof: ["list", "s", "i", "f", "b", "type", "shape", "tensor"] } },
        },
        NodeDef: {
          fields: {
            name: one("string", 1),
            op: one("string", 2),
            input: many("string", 3),
            attr: map("AttrValue", 5),
          },
        },
        VersionDef: { fields: { producer: one("int32", 1) } },
        GraphDef: { fields: { node: many("NodeDef", 1), versions: one("VersionDef", 4) } },
        MetaInfoDef: { fields: { tags: many("string", 4), tensorflowVersion: one("string", 5) } },
        TensorInfo: {
          fields: { name: one("string", 1), dtype: one("DataType", 2), tensorShape: one("TensorShapeProto", 3) },
        },
        SignatureDef: {
          fields: { inputs: map("TensorInfo", 1), outputs: map("TensorInfo", 2), methodName: one("string", 3) },
        },
        MetaGraphDef: {
          fields: {
            metaInfoDef: one("MetaInfoDef", 1),
            graphDef: one("GraphDef", 2),
            signatureDef: map("SignatureDef", 5),
          },
        },
        SavedModel: {
          fields: { savedModelSchemaVersion: one("int64", 1), metaGraphs: many("MetaGraphDef", 2) },
        },
      },
    },
  },
});

const savedModelType = root.lookupType("tensorflow.SavedModel");

export function encodeSavedModel(model: object): Uint8Array {
  return savedModelType.encode(savedModelType.fromObject(model)).finish();
}
