import { constants, inflateRawSync } from "node:zlib";
import { UserError } from "../errors.js";
import { writeFileAtomic } from "../files.js";
import { encodeNpy, type NpyHeader, parseNpy, parseNpyHeader, UnknownNpyDtype } from "../tensors/npy.js";
import { DTYPES, elementCount, type TensorData } from "../tensors/tensor.js";
import type { OtherContent, StoredTensor, TensorFile, TensorToWrite } from "../tensors/tensorFile.js";
import { type ByteSource, openByteSource, readingAhead, readRange } from "./bytes.js";
import { openZip, unpackedAllowance, type ZipArchive, type ZipMember } from "./zip.js";
import { type NewMember, zipParts } from "./zipWriter.js";

/** Packed bytes that are read for an array's header. */
const GLANCE = 8192;

/**
 * Opens a NumPy `.npz` archive, members stored or deflated; arrays are read when requested, with their checksums
 * verified.
 *
 * @throws UserError when it is not such an archive, is damaged, or claims far more than it can contain
 */
export async function openNpz(path: string): Promise<TensorFile> {
  const source = await openByteSource(path);
  try {
    return await readNpz(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** Like `openNpz`, for a source, which `close` then closes. */
export async function readNpz(file: ByteSource): Promise<TensorFile> {
  const source = readingAhead(file);
  const archive = await openZip(source);
  const members = new Map<StoredTensor, ZipMember>();
  const others: OtherContent[] = [];
  let bytes = 0;
  for (const member of archive.members.values()) {
    bytes += member.size;
    if (bytes > unpackedAllowance(source.size)) {
      throw new UserError(
        `${source.path}: its arrays claim more than ${bytes} bytes in a file of ${source.size}; refused as damaged or malicious`,
      );
    }
  }
  const headers = new Map<ZipMember, NpyHeader | string>();
  const inFile = [...archive.members.values()].sort((a, b) => a.offset - b.offset); // so that the file is read once, forwards
  for (const member of inFile) headers.set(member, await glance(source, archive, member));
  for (const member of archive.members.values()) {
    const name = member.name.replace(/\.npy$/, "");
    const header = headers.get(member)!;
    if (typeof header === "string") others.push({ group: [], name, what: header });
    else members.set(stored(name, header, member, source.path), member);
  }
  const read = async (tensor: StoredTensor) => {
    const member = members.get(tensor);
    if (member === undefined) throw new Error(`${tensor.name} is not of ${source.path}`);
    const content = await archive.unpack(member, { limit: member.size, verify: true });
    return parseNpy(content, `${source.path}: ${member.name}`);
  };
  return {
    path: source.path,
    format: "NumPy",
    tensors: [...members.keys()],
    others,
    metadata: {},
    read,
    async readInto(tensor, target) {
      const { data } = await read(tensor);
      (target as { set(values: TensorData): void }).set(data);
    },
    close: () => source.close(),
  };
}

/** A member's array header; a text if it cannot be read. */
async function glance(source: ByteSource, archive: ZipArchive, member: ZipMember): Promise<NpyHeader | string> {
  const packed = await readRange(source, await archive.locate(member), Math.min(GLANCE, member.packedSize));
  try {
    const start = member.method === "stored" ? packed : firstOf(packed);
    return parseNpyHeader(start, `${source.path}: ${member.name}`);
  } catch (error) {
    if (error instanceof UnknownNpyDtype) return `an array of ${error.description}, which cannot be read`;
    if (error instanceof UserError && !member.name.endsWith(".npy")) return `${member.size} bytes, no array`;
    if (error instanceof UserError) throw error;
    throw new UserError(`${source.path}: damaged zip archive: ${member.name} cannot be unpacked`);
  }
}

/** As much of the beginning of a deflated member as can be unpacked. */
function firstOf(packed: Uint8Array): Buffer {
  return inflateRawSync(packed, { finishFlush: constants.Z_SYNC_FLUSH });
}

function stored(name: string, { dtype, shape, start }: NpyHeader, member: ZipMember, path: string): StoredTensor {
  const bytes = elementCount(shape) * DTYPES[dtype].bytes;
  if (start + bytes !== member.size) {
    throw new UserError(
      `${path}: ${member.name} has ${member.size - start} bytes of data where ${dtype} [${shape.join(", ")}] needs ${bytes}`,
    );
  }
  return { group: [], name, dtype, shape, bytes };
}

/**
 * Writes an uncompressed `.npz` archive, atomically, one tensor at a time.
 *
 * @throws UserError for bfloat16, which NumPy lacks
 */
export async function writeNpz(path: string, tensors: readonly TensorToWrite[]): Promise<void> {
  for (const { name, dtype } of tensors) {
    if (dtype === "BF16") throw new UserError(`${name}: NumPy has no bfloat16; write a .safetensors or .pth file`);
  }
  async function* members(): AsyncGenerator<NewMember> {
    for (const { name, read } of tensors) yield { name: `${name}.npy`, content: [encodeNpy(await read())] };
  }
  await writeFileAtomic(path, zipParts(members()));
}
