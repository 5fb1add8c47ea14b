import { UserError } from "../../errors.js";
import type { ByteSource } from "../bytes.js";
import { openZip, type ZipArchive, type ZipMember } from "../zip.js";
import type { TorchContainer } from "./open.js";
import { unpickle } from "./pickle.js";
import { PickleReader } from "./pickleReader.js";
import type { TorchStorage } from "./values.js";
import { torchWorld } from "./world.js";

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
  const bytes = await archive.unpack(archive.members.get(pickle)!, { limit: LARGEST_PICKLE, verify: false });
  const root = unpickle(new PickleReader(bytes), torchWorld);
  const order = await byteOrder(archive, `${folder}byteorder`);
  if (order !== "little" && order !== "big") throw new UserError(`${source.path}: its byte order is "${order}"`);
  return {
    root,
    bigEndian: order === "big",
    open: (storage) => openStorage(source, archive, `${folder}data/${storage.key}`, storage),
  };
}

async function byteOrder(archive: ZipArchive, name: string): Promise<string> {
  const member = archive.members.get(name);
  if (member === undefined) return "little";
  return Buffer.from(await archive.unpack(member, { limit: 100, verify: false })).toString("latin1");
}

async function openStorage(source: ByteSource, archive: ZipArchive, name: string, { wholeBytes }: TorchStorage) {
  const member = archive.members.get(name);
  if (member === undefined) throw new UserError(`${source.path}: damaged: the tensor data ${name} are missing`);
  if (member.size < wholeBytes) {
    throw new UserError(`${source.path}: damaged: ${name} has ${member.size} bytes, the pickle says ${wholeBytes}`);
  }
  return member.method === "stored" ? ranges(source, archive, member) : unpackedRanges(archive, member);
}

async function ranges(source: ByteSource, archive: ZipArchive, member: ZipMember) {
  const start = await archive.locate(member);
  return (target: Uint8Array, position: number) => source.readInto(target, start + position);
}

/** Of archives that were packed again by other programs. */
async function unpackedRanges(archive: ZipArchive, member: ZipMember) {
  const bytes = await archive.unpack(member, { limit: member.size, verify: false });
  return async (target: Uint8Array, position: number) => {
    target.set(bytes.subarray(position, position + target.length));
  };
}

function some({ members }: ZipArchive): string {
  const names = [...members.keys()].slice(0, 3);
  return names.length === 0 ? "it is empty" : `but ${names.join(", ")}${members.size > names.length ? ", …" : ""}`;
}
