import { isUtf8 } from "node:buffer";
import { UserError } from "../errors.js";

/** Bytes at a file's start that `refuseOtherKinds` reads. */
export const LOOKED_AT = 512;

const MARKUP = /^\s*<(!doctype|html|head|body|\?xml|!--)/i;
const LFS = /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n/;

/**
 * Recognises what users have instead of a file of tensors: an empty file, a pointer or a web page from a failed
 * download, another program's file.
 *
 * @param start the file's first bytes
 * @throws UserError when it is known to be something else
 */
export function refuseOtherKinds(start: Buffer, path: string, size: number): void {
  if (size === 0) throw new UserError(`${path}: the file is empty; download or write it again`);
  const text = start.toString("latin1");
  if (LFS.test(text)) {
    const bytes = /^size (\d{1,15})$/m.exec(text)?.[1];
    throw new UserError(
      `${path}: a Git LFS pointer, not the file${bytes ? ` of ${bytes} bytes` : ""} it stands for; fetch that with "git lfs pull" in its repository, or download it`,
    );
  }
  if (MARKUP.test(text)) {
    throw new UserError(
      `${path}: a web page, not a weights file: perhaps a server's error page; download the file itself`,
    );
  }
  if (isOnnx(start) || (/\.onnx$/i.test(path) && !isZip(start))) {
    throw new UserError(
      `${path}: an ONNX file: weights cannot be read from one; give the .safetensors or .pth file it was made from, or a run's folder`,
    );
  }
  const other = otherContent(start, size);
  if (other !== undefined) {
    throw new UserError(
      `${path}: ${other}, not a weights file; give a .safetensors, .pth or .npz file, or a run's folder`,
    );
  }
  if (start.toString("latin1", 0, 4) === "\x89HDF") {
    throw new UserError(
      `${path}: an HDF5 file of Keras, which cannot be read; save the weights as .safetensors or .npz`,
    );
  }
}

/** What a file without tensors is, by its first bytes; undefined if it may be a safetensors file or a pickle. */
function otherContent(start: Buffer, size: number): string | undefined {
  const bytes = start.toString("latin1");
  const kind = SIGNATURES.find(([, starts]) => starts.some((signature) => bytes.startsWith(signature)))?.[0];
  if (kind !== undefined) return kind;
  if (!isText(start, size)) return undefined;
  if (/^\s*[[{]/.test(bytes)) return "a JSON file";
  return /^(#.*\n|\s)*[\w.-]+:(\s|$)/.test(bytes) ? "a YAML file" : "a text file";
}

/** First bytes, as Latin-1. */
const SIGNATURES: readonly (readonly [kind: string, starts: readonly string[]])[] = [
  ["an image", ["\x89PNG", "\xff\xd8\xff", "GIF8", "RIFF", "II*\0", "MM\0*"]],
  ["a gzip file", ["\x1f\x8b"]],
  ["a PDF file", ["%PDF-"]],
  ["a program", ["\x7fELF"]],
];

/** The last character may be cut off. */
function isText(start: Buffer, size: number): boolean {
  if (start.some((byte) => byte < 0x09 || (byte > 0x0d && byte < 0x20))) return false;
  const most = size > start.length ? 3 : 0;
  return [0, 1, 2, 3].some((cut) => cut <= most && isUtf8(start.subarray(0, start.length - cut)));
}

const isZip = (start: Buffer): boolean => start.toString("latin1", 0, 2) === "PK";

/**
 * A protocol buffer whose first fields are a small ir_version and the producer's name, its version, a domain or the
 * graph. Read as a safetensors file, its header would be longer than the file.
 */
function isOnnx(start: Buffer): boolean {
  const [tag, version = 0, next = 0] = start;
  return (
    tag === 0x08 && version > 0 && version < 0x20 && [0x12, 0x1a, 0x22, 0x3a, 0x42].includes(next) && isLarge(start)
  );
}

const isLarge = (start: Buffer): boolean => start.length < 8 || start.readUInt32LE(4) !== 0;
