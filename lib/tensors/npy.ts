import { UserError } from "../errors.js";
import { gatherStrided, rowMajor } from "./strided.js";
import { bytesOf, DTYPES, type Dtype, elementCount, type Tensor, type TensorData, viewBytes } from "./tensor.js";
import { bytesOfLatin1, textOfLatin1, textOfUtf8, viewOf } from "./text.js";

/* NumPy's .npy format, versions 1 to 3: magic, version, header length, a Python dict literal, the elements. */

const MAGIC = "\x93NUMPY";
const SPACE = 0x20;
const LINE_FEED = 0x0a;
const MOST_AXES = 64; // NumPy's own limit

const DESCRIPTIONS: Readonly<Record<Exclude<Dtype, "BF16">, string>> = {
  F64: "<f8",
  F32: "<f4",
  F16: "<f2",
  I64: "<i8",
  I32: "<i4",
  I16: "<i2",
  I8: "|i1",
  U64: "<u8",
  U32: "<u4",
  U16: "<u2",
  U8: "|u1",
  BOOL: "|b1",
};

const DTYPE_OF = new Map<string, Dtype>(
  Object.entries(DESCRIPTIONS).map(([dtype, description]) => [description, dtype as Dtype]),
);

/** `name` is the file's name in errors. */
export function parseNpy(bytes: Uint8Array, name = "npy data"): Tensor {
  const { dtype, shape, fortranOrder, start } = parseNpyHeader(bytes, name);
  const expected = elementCount(shape) * DTYPES[dtype].bytes;
  const data = bytes.subarray(start);
  if (data.length !== expected) {
    throw new UserError(
      `${name}: holds ${data.length} bytes of data where ${dtype} [${shape.join(", ")}] needs ${expected}; the file is truncated or damaged`,
    );
  }
  const values = viewBytes(dtype, data);
  return { dtype, shape, data: fortranOrder ? fromFortranOrder(dtype, shape, values) : values };
}

export interface NpyHeader {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** The first index varies fastest. */
  readonly fortranOrder: boolean;
  /** The position where the elements begin. */
  readonly start: number;
}

/** An array of something other than numbers, or of unknown numbers. */
export class UnknownNpyDtype extends UserError {
  constructor(
    message: string,
    readonly description: string,
  ) {
    super(message);
  }
}

/** @param bytes the beginning of the file @throws UserError when it is not the header of a readable array */
export function parseNpyHeader(bytes: Uint8Array, name: string): NpyHeader {
  if (bytes.length < 10 || textOfLatin1(bytes.subarray(0, 6)) !== MAGIC)
    throw new UserError(`${name}: not a .npy file`);
  const view = viewOf(bytes);
  const version = bytes[6]!;
  if (version < 1 || version > 3) throw new UserError(`${name}: .npy version ${version} is unknown`);
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) throw new UserError(`${name}: the .npy file is truncated inside its header`);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (bytes.length < start + length) throw new UserError(`${name}: the .npy file is truncated inside its header`);
  return { ...parseDict(textOfUtf8(bytes.subarray(start, start + length)), name), start: start + length };
}

function parseDict(header: string, name: string): Omit<NpyHeader, "start"> {
  const description = /'descr':\s*('[^']*'|\[)/.exec(header)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const sizes = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (description === undefined || fortran === undefined || sizes === undefined) {
    throw new UserError(`${name}: the .npy header cannot be understood: ${header.trim().slice(0, 100)}`);
  }
  const type = description === "[" ? "records" : description.slice(1, -1);
  const dtype = DTYPE_OF.get(type);
  if (dtype === undefined) {
    throw new UnknownNpyDtype(
      `${name}: dtype ${type} cannot be read; one of ${[...DTYPE_OF.keys()].join(", ")} can (little-endian)`,
      type,
    );
  }
  const shape = sizes
    .split(",")
    .filter((size) => size.trim() !== "")
    .map(Number);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || shape.length > MOST_AXES) {
    throw new UserError(`${name}: the .npy header has no valid shape: (${sizes.slice(0, 100)})`);
  }
  return { dtype, shape, fortranOrder: fortran === "True" };
}

function fromFortranOrder(dtype: Dtype, shape: readonly number[], values: TensorData): TensorData {
  const strides = rowMajor(shape.toReversed()).toReversed();
  const ordered = viewBytes(dtype, new Uint8Array(values.byteLength));
  gatherStrided(dtype, { offset: 0, shape, strides }, values, ordered);
  return ordered;
}

/** @throws Error for bfloat16, which NumPy lacks */
export function encodeNpy({ dtype, shape, data }: Tensor): Uint8Array {
  if (dtype === "BF16") throw new Error("NumPy has no bfloat16; convert to float32 first");
  if (data.length !== elementCount(shape)) {
    throw new Error(`${data.length} values do not fit the shape [${shape.join(", ")}]`);
  }
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dict = `{'descr': '${DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const total = Math.ceil((10 + dict.length + 1) / 64) * 64; // NumPy aligns the data to 64 bytes
  const result = new Uint8Array(total + data.byteLength).fill(SPACE, 0, total);
  result.set(bytesOfLatin1(MAGIC));
  result.set([1, 0], 6);
  viewOf(result).setUint16(8, total - 10, true);
  result.set(bytesOfLatin1(dict), 10);
  result.set([LINE_FEED], total - 1);
  result.set(bytesOf(data), total);
  return result;
}
