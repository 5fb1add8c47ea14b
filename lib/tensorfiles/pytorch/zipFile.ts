import { UserError } from "../../errors.js";
import { unpickle } from "../../tensors/pickle/pickle.js";
import { PickleReader } from "../../tensors/pickle/pickleReader.js";
import type { TorchContainer } from "../../tensors/pickle/values.js";
import { torchWorld } from "../../tensors/pickle/world.js";
import type { ByteSource } from "../bytes.js";
import { openZip, unpackedAllowance, type ZipArchive, type ZipMember } from "../zip.js";

/*
 * PyTorch's format since 1.6: a zip archive of stored members NAME/data.pkl (the pickle, storages named in it by keys),
 * NAME/data/KEY (each storage's bytes), NAME/byteorder ("little" or "big"; absent before 2.1) and others of no matter here.
 * torch.save can leave out the checksums, so those of tensors are not checked, as torch.load does not.
 */

const LARGEST_PICKLE = 256 << 20;
const PICKLE = "data.pkl";

export async function readZipFile(source: ByteSource): Promise<TorchContainer> {
  const archive = await openZip(source);
  const pickles = [...archive.members.keys()].filter((name) => name === PICKLE || /^[^/]*\/data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (pickle === undefined) {
    throw new UserError(
      `${source.path}: a zip archive, but not one of PyTorch's: it holds no data.pkl (${some(archive)})`,
    );
  }
  if (pickles.length > 1)
    throw new UserError(`${source.path}: holds ${pickles.length} pickles (${pickles.join(", ")})`);
  const folder = pickle.slice(0, -PICKLE.length);
  if (archive.members.has(`${folder}constants.pkl`)) {
    throw new UserError(
      `${source.path}: a TorchScript program, not weights; save its state_dict() with torch.save and take that file`,
    );
  }
  const limit = Math.min(LARGEST_PICKLE, unpackedAllowance(source.size));
  const bytes = await archive.unpack(archive.members.get(pickle)!, { limit, verify: false });
  const root = unpickle(new PickleReader(bytes), torchWorld);
  const order = await byteOrder(archive, `${folder}byteorder`);
  if (order !== "little" && order !== "big") throw new UserError(`${source.path}: its byte order is "${order}"`);
  const unpack = unpacker(source, archive);
  return {
    root,
    bigEndian: order === "big",
    async open({ key, wholeBytes }) {
      const name = `${folder}data/${key}`;
      const member = archive.members.get(name);
      if (member === undefined) throw new UserError(`${source.path}: damaged: the tensor data ${name} is missing`);
      if (member.size < wholeBytes) {
        throw new UserError(`${source.path}: damaged: ${name} has ${member.size} bytes, the pickle says ${wholeBytes}`);
      }
      return member.method === "stored" ? ranges(source, archive, member) : unpackedRanges(await unpack(member));
    },
  };
}

async function byteOrder(archive: ZipArchive, name: string): Promise<string> {
  const member = archive.members.get(name);
  if (member === undefined) return "little";
  return Buffer.from(await archive.unpack(member, { limit: 100, verify: false })).toString("latin1");
}

async function ranges(source: ByteSource, archive: ZipArchive, member: ZipMember) {
  const start = await archive.locate(member);
  return (target: Uint8Array, position: number) => source.readInto(target, start + position);
}

type Unpack = (member: ZipMember) => Promise<Uint8Array>;

/** How many times over a file's storages may be unpacked. */
const MOST_TIMES = 4;

/**
 * For archives that other programs compressed again. The last unpacked storage is kept: often several tensors are parts
 * of one.
 */
function unpacker({ path, size }: ByteSource, archive: ZipArchive): Unpack {
  let last: { readonly member: ZipMember; readonly bytes: Promise<Uint8Array> } | undefined;
  let unpacked = 0;
  return (member) => {
    if (last?.member === member) return last.bytes;
    unpacked += member.size;
    if (unpacked > MOST_TIMES * unpackedAllowance(size)) {
      throw new UserError(`${path}: its tensors take far more unpacking than ${size} bytes can need; refused`);
    }
    const bytes = archive.unpack(member, { limit: unpackedAllowance(size), verify: false });
    last = { member, bytes };
    return bytes;
  };
}

function unpackedRanges(bytes: Uint8Array) {
  return async (target: Uint8Array, position: number) => {
    target.set(bytes.subarray(position, position + target.length));
  };
}

function some({ members }: ZipArchive): string {
  const names = [...members.keys()].slice(0, 3);
  return names.length === 0 ? "it is empty" : `but ${names.join(", ")}${members.size > names.length ? ", …" : ""}`;
}
