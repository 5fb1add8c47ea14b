import { UserError } from "../../errors.js";
import { type PickleWorld, unpickle } from "../../tensors/pickle/pickle.js";
import { EndOfBytes, PickleError, PickleReader } from "../../tensors/pickle/pickleReader.js";
import {
  isKind,
  isList,
  type PickleValue,
  type TorchContainer,
  type TorchStorage,
} from "../../tensors/pickle/values.js";
import { torchWorld } from "../../tensors/pickle/world.js";
import { type ByteSource, readRange } from "../bytes.js";

/*
 * PyTorch's format before 1.6: five pickles (a magic number, a protocol version, facts about the machine, the object, the
 * keys of its storages), then for each key the number of elements in 8 bytes and the elements, always little-endian.
 */

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;
const FIRST_READ = 1 << 20;
const LARGEST_PICKLE = 256 << 20;

export async function readLegacyFile(source: ByteSource): Promise<TorchContainer> {
  const { root, keys, storages, end } = await readPickles(source);
  const starts = await locateStorages(source, keys, storages, end);
  return {
    root,
    bigEndian: false,
    async open({ key }) {
      const start = starts.get(key);
      if (start === undefined) throw new UserError(`${source.path}: damaged: the data of storage ${key} is missing`);
      return (target, position) => source.readInto(target, start + position);
    },
  };
}

interface Pickles {
  readonly root: PickleValue;
  readonly keys: readonly string[];
  readonly storages: ReadonlyMap<string, TorchStorage>;
  /** The position in the file where the storages begin. */
  readonly end: number;
}

/** The pickles' length is not known: the file is read as far as they turn out to need. */
async function readPickles(source: ByteSource): Promise<Pickles> {
  const most = Math.min(source.size, LARGEST_PICKLE);
  for (let length = Math.min(FIRST_READ, most); ; length = Math.min(4 * length, most)) {
    try {
      return parsePickles(await readRange(source, 0, length), source.path);
    } catch (error) {
      if (!(error instanceof EndOfBytes) || length === most) throw error;
    }
  }
}

function parsePickles(bytes: Uint8Array, path: string): Pickles {
  const reader = new PickleReader(bytes);
  const storages = new Map<string, TorchStorage>();
  if (readMagic(reader) !== MAGIC) {
    throw new UserError(
      `${path}: not a weights file: neither safetensors nor PyTorch's (.pth, .pt) nor NumPy's (.npz)`,
    );
  }
  const protocol = unpickle(reader, torchWorld);
  if (protocol !== PROTOCOL) {
    const found = typeof protocol === "number" ? protocol : "unknown";
    throw new PickleError(`is of PyTorch's format ${found}; ${PROTOCOL} can be read`);
  }
  unpickle(reader, torchWorld);
  const world: PickleWorld = {
    ...torchWorld,
    persistent(id) {
      const value = torchWorld.persistent(id);
      if (isKind(value, "storage")) {
        const known = storages.get(value.key);
        if (known !== undefined && known.wholeBytes !== value.wholeBytes) {
          throw new PickleError(`gives the storage ${value.key} two sizes`);
        }
        storages.set(value.key, value);
      }
      return value;
    },
  };
  const root = unpickle(reader, world);
  const keys = unpickle(reader, torchWorld);
  if (!isList(keys)) throw new PickleError("does not list its storages");
  return { root, keys: keys.items.map(storageKey), storages, end: reader.position };
}

function storageKey(key: PickleValue): string {
  if (typeof key === "string" || typeof key === "number") return String(key);
  throw new PickleError("lists a storage by something that is not a key");
}

/** A file that is not a pickle is not a PyTorch file. */
function readMagic(reader: PickleReader): PickleValue {
  try {
    return unpickle(reader, torchWorld);
  } catch (error) {
    if (error instanceof PickleError || error instanceof EndOfBytes) return null;
    throw error;
  }
}

async function locateStorages(
  source: ByteSource,
  keys: readonly string[],
  storages: ReadonlyMap<string, TorchStorage>,
  end: number,
): Promise<Map<string, number>> {
  const starts = new Map<string, number>();
  let position = end;
  for (const key of keys) {
    const storage = storages.get(key);
    if (storage === undefined) throw new UserError(`${source.path}: damaged: storage ${key} belongs to no tensor`);
    const count = Number((await readRange(source, position, 8)).readBigUInt64LE(0));
    const bytes = count * storage.type.bytes;
    if (bytes !== storage.wholeBytes) {
      throw new UserError(
        `${source.path}: damaged: storage ${key} has ${bytes} bytes, the pickle says ${storage.wholeBytes}`,
      );
    }
    starts.set(key, position + 8);
    position += 8 + bytes;
    if (position > source.size) {
      throw new UserError(`${source.path}: truncated: storage ${key} ends at byte ${position} of ${source.size}`);
    }
  }
  return starts;
}
