import { UserError } from "../../errors.js";
import { writeFileAtomic } from "../../files.js";
import { rowMajor } from "../../tensors/strided.js";
import { bytesOf, type Dtype, elementCount } from "../../tensors/tensor.js";
import type { TensorToWrite } from "../../tensors/tensorFile.js";
import { type NewMember, zipParts } from "../zipWriter.js";

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

export interface TorchMeta {
  /** Texts for `meta`. */
  readonly texts: Readonly<Record<string, string>>;
  /** Class names, stored where MMDetection and MMSegmentation keep them. */
  readonly classes?: readonly string[];
}

/**
 * Writes a state_dict as `torch.save` does in its zip format, atomically, one tensor at a time: `torch.load` reads it,
 * with weights_only too. If there are texts or classes, it is `{ meta, state_dict }`, otherwise only the state_dict.
 *
 * @throws UserError for unsigned integers wider than 8 bits, for which PyTorch has no storages
 */
export async function writeTorchFile(
  path: string,
  tensors: readonly TensorToWrite[],
  meta: TorchMeta = { texts: {} },
): Promise<void> {
  const pickle = filePickle(tensors, meta);
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

/** Protocol 2; storage I belongs to tensor I. */
function filePickle(tensors: readonly TensorToWrite[], { texts, classes }: TorchMeta): Buffer {
  const state = dict(tensors.map((tensor, key) => [text(tensor.name), tensorOf(tensor, key)]));
  const meta = Object.entries(texts).map(([key, value]): [Buffer, Buffer] => [text(key), text(value)]);
  if (classes !== undefined) meta.push([text("CLASSES"), tuple(classes.map(text))]);
  const content =
    meta.length === 0
      ? state
      : dict([
          [text("meta"), dict(meta)],
          [text("state_dict"), state],
        ]);
  return Buffer.concat([bytes(0x80, 2), content, bytes(0x2e)]); // PROTO 2, STOP
}

/** `torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())` */
function tensorOf({ name, dtype, shape }: TensorToWrite, key: number): Buffer {
  if (!Object.hasOwn(STORAGE_CLASSES, dtype)) {
    throw new UserError(`${name}: PyTorch has no storage of ${dtype}; write a .safetensors file`);
  }
  const storage = STORAGE_CLASSES[dtype as keyof typeof STORAGE_CLASSES];
  const id = [text("storage"), global("torch", storage), text(String(key)), text("cpu"), integer(elementCount(shape))];
  return Buffer.concat([
    global("torch._utils", "_rebuild_tensor_v2"),
    bytes(0x28), // MARK
    ...[tuple(id), bytes(0x51)], // BINPERSID
    ...[integer(0), tuple(shape.map(integer)), tuple(rowMajor(shape).map(integer)), bytes(0x89)], // NEWFALSE
    ...[global("collections", "OrderedDict"), bytes(0x29, 0x52)], // EMPTY_TUPLE, REDUCE
    bytes(0x74, 0x52), // TUPLE, REDUCE
  ]);
}

const bytes = (...values: number[]): Buffer => Buffer.from(values);
const tuple = (items: readonly Buffer[]): Buffer => Buffer.concat([bytes(0x28), ...items, bytes(0x74)]);
const dict = (items: readonly (readonly [Buffer, Buffer])[]): Buffer =>
  Buffer.concat([bytes(0x7d, 0x28), ...items.flat(), bytes(0x75)]); // EMPTY_DICT, MARK, SETITEMS
const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`);

function text(value: string): Buffer {
  const content = Buffer.from(value);
  const head = Buffer.alloc(5);
  head[0] = 0x58; // BINUNICODE
  head.writeUInt32LE(content.length, 1);
  return Buffer.concat([head, content]);
}

/** BININT, or LONG1 of 8 bytes from 2^31 on. */
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
