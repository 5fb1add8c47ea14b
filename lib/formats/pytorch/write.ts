import { writeFileAtomic } from "../../files.js";
import { bytesOf, type Dtype, elementCount, type Tensor } from "../tensor.js";
import { type NewMember, zipParts } from "../zipWriter.js";

/** A tensor to be written, and how to get it when its turn comes. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly read: () => Promise<Tensor>;
}

const STORAGE_CLASSES: Readonly<Record<Exclude<Dtype, "U16" | "U32" | "U64">, string>> = {
  F64: "DoubleStorage",
  F32: "FloatStorage",
  F16: "HalfStorage",
  BF16: "BFloat16Storage",
  I64: "LongStorage",
  I32: "IntStorage",
  I16: "ShortStorage",
  I8: "CharStorage",
  U8: "ByteStorage",
  BOOL: "BoolStorage",
};

/**
 * Writes a state_dict as `torch.save` does in its zip format, atomically, a tensor at a time: `torch.load` reads it, with
 * weights_only too.
 *
 * @throws Error for unsigned integers wider than 8 bits, which PyTorch has no storages of
 */
export async function writeTorchFile(path: string, tensors: readonly TensorToWrite[]): Promise<void> {
  const pickle = stateDictPickle(tensors);
  async function* members(): AsyncGenerator<NewMember> {
    const text = (name: string, content: string): NewMember => ({
      name: `archive/${name}`,
      content: [Buffer.from(content)],
    });
    yield { name: "archive/data.pkl", content: [pickle] };
    yield text("byteorder", "little");
    for (const [key, { read }] of tensors.entries()) {
      yield { name: `archive/data/${key}`, content: [bytesOf((await read()).data)] };
    }
    yield text("version", "3\n");
  }
  await writeFileAtomic(path, zipParts(members()));
}

/** A dictionary of tensors, protocol 2; storage I belongs to tensor I. */
function stateDictPickle(tensors: readonly TensorToWrite[]): Buffer {
  const parts: Buffer[] = [bytes(0x80, 2), bytes(0x7d), bytes(0x28)]; // PROTO 2, EMPTY_DICT, MARK
  for (const [key, { name, dtype, shape }] of tensors.entries()) {
    if (!Object.hasOwn(STORAGE_CLASSES, dtype)) throw new Error(`PyTorch has no storage of ${dtype} (${name})`);
    const storage = STORAGE_CLASSES[dtype as keyof typeof STORAGE_CLASSES];
    const strides = shape.map((_, i) => elementCount(shape.slice(i + 1).map((size) => Math.max(1, size))));
    parts.push(text(name), global("torch._utils", "_rebuild_tensor_v2"), bytes(0x28)); // MARK
    const id = [
      text("storage"),
      global("torch", storage),
      text(String(key)),
      text("cpu"),
      integer(elementCount(shape)),
    ];
    parts.push(...tuple(id), bytes(0x51), integer(0), ...tuple(shape.map(integer)), ...tuple(strides.map(integer))); // BINPERSID
    parts.push(bytes(0x89), global("collections", "OrderedDict"), bytes(0x29, 0x52)); // NEWFALSE, EMPTY_TUPLE, REDUCE
    parts.push(bytes(0x74, 0x52)); // TUPLE, REDUCE
  }
  parts.push(bytes(0x75, 0x2e)); // SETITEMS, STOP
  return Buffer.concat(parts);
}

const bytes = (...values: number[]): Buffer => Buffer.from(values);
const tuple = (items: readonly Buffer[]): Buffer[] => [bytes(0x28), ...items, bytes(0x74)];
const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`);

function text(value: string): Buffer {
  const content = Buffer.from(value);
  const head = Buffer.alloc(5);
  head[0] = 0x58; // BINUNICODE
  head.writeUInt32LE(content.length, 1);
  return Buffer.concat([head, content]);
}

/** BININT, or LONG1 of 8 bytes past 2^31. */
function integer(value: number): Buffer {
  if (value < 2 ** 31) {
    const small = Buffer.alloc(5);
    small[0] = 0x4a;
    small.writeInt32LE(value, 1);
    return small;
  }
  const large = Buffer.alloc(10);
  large.set([0x8a, 8]);
  large.writeBigInt64LE(BigInt(value), 2);
  return large;
}
