import type { StorageType } from "./values.js";

const type = (name: string, bytes: number, dtype?: StorageType["dtype"]): StorageType => ({
  name,
  bytes,
  ...(dtype && { dtype }),
});

const FLOAT32 = type("float32", 4, "F32");
const UINT8 = type("uint8", 1, "U8");

/** PyTorch's element types, by the names of `torch.dtype`s. */
const ELEMENT_TYPES: Readonly<Record<string, StorageType>> = {
  float64: type("float64", 8, "F64"),
  float32: FLOAT32,
  float16: type("float16", 2, "F16"),
  bfloat16: type("bfloat16", 2, "BF16"),
  int64: type("int64", 8, "I64"),
  int32: type("int32", 4, "I32"),
  int16: type("int16", 2, "I16"),
  int8: type("int8", 1, "I8"),
  uint64: type("uint64", 8, "U64"),
  uint32: type("uint32", 4, "U32"),
  uint16: type("uint16", 2, "U16"),
  uint8: UINT8,
  bool: type("bool", 1, "BOOL"),
  complex32: type("complex32", 4),
  complex64: type("complex64", 8),
  complex128: type("complex128", 16),
  float8_e4m3fn: type("float8_e4m3fn", 1),
  float8_e5m2: type("float8_e5m2", 1),
  float8_e4m3fnuz: type("float8_e4m3fnuz", 1),
  float8_e5m2fnuz: type("float8_e5m2fnuz", 1),
  float8_e8m0fnu: type("float8_e8m0fnu", 1),
};

/** The classes of storages, each with an element type. */
const STORAGE_CLASSES: Readonly<Record<string, StorageType>> = {
  DoubleStorage: ELEMENT_TYPES.float64!,
  FloatStorage: FLOAT32,
  HalfStorage: ELEMENT_TYPES.float16!,
  BFloat16Storage: ELEMENT_TYPES.bfloat16!,
  LongStorage: ELEMENT_TYPES.int64!,
  IntStorage: ELEMENT_TYPES.int32!,
  ShortStorage: ELEMENT_TYPES.int16!,
  CharStorage: ELEMENT_TYPES.int8!,
  ByteStorage: UINT8,
  BoolStorage: ELEMENT_TYPES.bool!,
  ComplexFloatStorage: ELEMENT_TYPES.complex64!,
  ComplexDoubleStorage: ELEMENT_TYPES.complex128!,
  QInt8Storage: type("qint8", 1),
  QUInt8Storage: type("quint8", 1),
  QInt32Storage: type("qint32", 4),
  QUInt4x2Storage: type("quint4x2", 1),
  QUInt2x4Storage: type("quint2x4", 1),
  UntypedStorage: UINT8,
  _UntypedStorage: UINT8,
};

/** @param name such as `torch.FloatStorage` or `torch.cuda.HalfStorage` */
export function storageTypeOf(name: string): StorageType | undefined {
  if (!name.startsWith("torch.")) return undefined;
  const last = name.slice(name.lastIndexOf(".") + 1);
  return Object.hasOwn(STORAGE_CLASSES, last) ? STORAGE_CLASSES[last] : undefined;
}

/** @param name such as `torch.uint16` */
export function elementTypeOf(name: string): StorageType {
  const last = name.replace(/^torch\./, "");
  return (Object.hasOwn(ELEMENT_TYPES, last) ? ELEMENT_TYPES[last] : undefined) ?? type(last, 1);
}
