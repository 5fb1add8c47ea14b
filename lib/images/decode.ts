import { fileURLToPath } from "node:url";
import { UserError } from "../errors.js";
import { describeFileError, openFile, readBytes as readWhole } from "../files.js";
import type { Image, LabelMap, Size } from "../pixels/image.js";
import { type Codec, type CodecName, loadCodec } from "./codecs.js";
import { formatOf, otherContent } from "./formats.js";
import { isCutJpeg } from "./jpeg.js";
import { checkSize, RefusedImage } from "./limits.js";
import { readPlainPng } from "./plainPng.js";
import { isPng, readPng } from "./png.js";

export { type CodecDescription, type CodecName, describeCodecs } from "./codecs.js";

/** A path, or a file's bytes. */
export type FileInput = string | URL | Uint8Array | ArrayBuffer;

/** How an image is decoded. */
export interface DecodeOptions {
  /** Default "auto": sharp if it loads, otherwise JavaScript. */
  readonly codec?: CodecName | "auto";
  /** The name of the image in messages, when bytes are given instead of a path. */
  readonly name?: string;
  /**
   * The smallest size needed of an image with the given full size. A smaller version may then be decoded
   * (`reducedImage`): cheaper, smoother, and with other pixel values than the full image resized.
   */
  readonly atLeast?: (full: Size) => Size;
}

/**
 * Decodes an image to 8-bit RGB, turned upright by its EXIF orientation. Grey is repeated, CMYK converted without a
 * profile, alpha dropped, 16 bits reduced to the high 8.
 *
 * @param input a path, or the file's bytes
 * @throws UserError naming the file when it cannot be read, is damaged or truncated, has an unknown format, or has more
 *   pixels than are allowed for a file of its size (DENSEKIT_MAX_PIXELS)
 */
export async function decodeImage(input: FileInput, options: DecodeOptions = {}): Promise<Image> {
  const { name, bytes } = await open(input, options.name ?? "the image");
  const codec = await codecFor(bytes, name, options.codec);
  try {
    return await (options.atLeast === undefined ? codec.decode(bytes) : codec.decodeReduced(bytes, options.atLeast));
  } catch (error) {
    throw undecodable(error, bytes, name, codec);
  }
}

/** The codec that reads this format: with "auto", another one if the usual one cannot read it. */
async function codecFor(bytes: Uint8Array, name: string, wanted: DecodeOptions["codec"] = "auto"): Promise<Codec> {
  if (bytes.length === 0) throw new UserError(`${name}: the file is empty`);
  const format = formatOf(bytes);
  if (format === undefined) {
    const what = otherContent(bytes);
    const found = what === undefined ? "it is not an image" : `it is ${what}`;
    throw new UserError(
      `${name}: cannot be decoded: ${found}; images are JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP files`,
    );
  }
  const codec = await loadCodec(wanted);
  if (codec.formats.includes(format)) return codec;
  const other = codec.name === "sharp" ? "javascript" : "sharp";
  if (wanted === "auto" && other === "javascript") return loadCodec(other);
  throw new UserError(
    `${name}: cannot be decoded: the codec ${codec.name} reads no ${format}; ` +
      `use the other one with --set data.codec=${other}, or convert the image`,
  );
}

function undecodable(error: unknown, bytes: Uint8Array, name: string, codec?: Codec): UserError {
  if (error instanceof UserError) return error;
  if (error instanceof RefusedImage) return new UserError(`${name}: ${error.message}`);
  // sharp words this differently from run to run
  const reason = isCutJpeg(bytes) ? "premature end of JPEG image" : reasonOf(error);
  const by = codec === undefined ? "" : ` (codec ${codec.name})`;
  return new UserError(`${name}: cannot be decoded: ${reason}${by}; is the file complete?`);
}

/** @param unnamed the name to use for bytes */
async function open(input: unknown, unnamed: string): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
  if (input instanceof Uint8Array) return { name: unnamed, bytes: input };
  if (input instanceof ArrayBuffer) return { name: unnamed, bytes: new Uint8Array(input) };
  if (typeof input === "string") return { name: input, bytes: await readBytes(input) };
  if (input instanceof URL && input.protocol === "file:") return open(fileURLToPath(input), unnamed);
  const given = input instanceof URL ? `the URL ${input.href}` : describeValue(input);
  throw new UserError(`${unnamed}: a path, a file: URL or the bytes of a file are needed, not ${given}`);
}

/** What was given instead of an image, in a word or two. */
export function describeValue(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return `a value of the type ${value.constructor?.name ?? "Object"}`;
}

/**
 * Decodes an 8-bit grey or palette PNG to its stored indices, never to palette colours.
 *
 * @param input a path, or the file's bytes
 * @throws UserError naming the file when it is not such a PNG: 16 bits, several channels, damaged
 */
export async function decodeLabelMap(input: FileInput, options: Pick<DecodeOptions, "name"> = {}): Promise<LabelMap> {
  const { name, bytes } = await open(input, options.name ?? "the label map");
  const { width, height, data } = indicesOf(bytes, name, "label map");
  if (data instanceof Uint16Array) {
    throw new UserError(`${name}: a label map must have 8 bits, this PNG has 16; save it as 8-bit grey or indexed PNG`);
  }
  return { width, height, data };
}

/** A number per pixel, row by row, as in a PNG with one channel. */
export interface IndexMap {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint16Array;
}

/** The same with 8 or 16 bits. @param what it is called in messages, such as "label map" */
export async function decodeIndices(path: string, what: string): Promise<IndexMap> {
  return indicesOf(await readBytes(path), path, what);
}

function indicesOf(bytes: Uint8Array, path: string, what: string): IndexMap {
  if (!isPng(bytes)) throw new UserError(`${path}: a ${what} must be a PNG of one channel; this is not a PNG`);
  const plain = readPlainPng(bytes);
  if (plain !== undefined) return plain;
  const png = readPngOf(bytes, path);
  if (png.channels === 1) return png;
  const kind = png.channels >= 3 ? "colours" : "grey with alpha";
  throw new UserError(
    `${path}: a ${what} must hold one ${what === "label map" ? "class index" : "number"} per pixel, ` +
      `this PNG holds ${kind} (${png.channels} channels); save it as 8-bit grey or indexed PNG`,
  );
}

/**
 * A mask stored as an image, as 0 and 1: 1 where a PNG with one channel is not 0, or where any other image is not
 * black.
 *
 * @param input a path, or the file's bytes
 * @throws UserError as `decodeImage`
 */
export async function decodeMask(input: FileInput, options: DecodeOptions = {}): Promise<LabelMap> {
  const { name, bytes } = await open(input, options.name ?? "the mask");
  if (isPng(bytes)) {
    const { channels, width, height, data } = readPngOf(bytes, name);
    if (channels === 1) {
      const mask = new Uint8Array(data.length);
      for (let i = 0; i < mask.length; i++) mask[i] = data[i] === 0 ? 0 : 1;
      return { width, height, data: mask };
    }
  }
  const { width, height, data } = await decodeImage(bytes, { ...options, name });
  const mask = new Uint8Array(width * height);
  for (let i = 0; i < mask.length; i++) {
    mask[i] = (data[3 * i]! | data[3 * i + 1]! | data[3 * i + 2]!) === 0 ? 0 : 1;
  }
  return { width, height, data: mask };
}

function readPngOf(bytes: Uint8Array, name: string): ReturnType<typeof readPng> {
  try {
    return readPng(bytes);
  } catch (error) {
    throw undecodable(error, bytes, name);
  }
}

/**
 * The size of an image turned upright, without decoding its pixels if the codec can do that.
 *
 * @throws UserError as `decodeImage`
 */
export async function readImageSize(
  path: string,
  options: Pick<DecodeOptions, "codec"> = {},
): Promise<{ readonly width: number; readonly height: number }> {
  const bytes = await readBytes(path);
  const codec = await codecFor(bytes, path, options.codec);
  try {
    return await codec.size(bytes);
  } catch (error) {
    throw undecodable(error, bytes, path, codec);
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readWhole(path);
  } catch (error) {
    throw error instanceof UserError ? error : new UserError(`cannot read ${path}: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n")[0]!.trim();
}

/**
 * The size of a label map from the first bytes of its file.
 *
 * @throws UserError when it cannot be read, is not a PNG, or has more pixels than are allowed for a file of its size
 */
export async function readLabelMapSize(path: string): Promise<Size> {
  const head = Buffer.alloc(24);
  const file = await openFile(path);
  let fileBytes: number;
  try {
    await file.read(head, 0, head.length, 0);
    fileBytes = (await file.stat()).size;
  } catch (error) {
    throw describeFileError(error, path, "read");
  } finally {
    await file.close();
  }
  if (!isPng(head)) throw new UserError(`${path}: a label map must be a PNG of one channel; this is not a PNG`);
  const size = { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
  try {
    checkSize(size, fileBytes, 1);
  } catch (error) {
    throw undecodable(error, head, path);
  }
  return size;
}
