import { UserError } from "../errors.js";
import { describeFileError, openFile, readBytes } from "../files.js";
import { type CodecName, loadCodec } from "./codecs.js";
import { isCutJpeg } from "./jpeg.js";
import type { LabelMap, Picture, Size } from "./picture.js";
import { readPlainPng } from "./plainPng.js";
import { isPng, readPng } from "./png.js";

export { type CodecDescription, type CodecName, describeCodecs } from "./codecs.js";

export interface DecodeOptions {
  /** Default "auto": sharp where it loads, else JavaScript. */
  readonly codec?: CodecName | "auto";
  /** What messages call the picture when bytes are given instead of a path. */
  readonly name?: string;
  /**
   * The least size that is needed of a picture of a full size. What is decoded may then be a smaller version
   * (`reducedPicture`): cheaper, smoother, and other numbers than those of the whole picture resized.
   */
  readonly atLeast?: (full: Size) => Size;
}

/**
 * Decodes a picture to 8-bit RGB, turned upright by its EXIF orientation. Grey is repeated, CMYK converted without a
 * profile, alpha dropped, 16 bits cut to the high 8.
 *
 * @param input a path, or the file's bytes
 * @throws UserError naming the file when it cannot be read, is damaged or cut short, or is of no known format
 */
export async function decodePicture(input: string | Uint8Array, options: DecodeOptions = {}): Promise<Picture> {
  const name = options.name ?? (typeof input === "string" ? input : "the picture");
  const bytes = typeof input === "string" ? await readBytes(input) : input;
  if (bytes.length === 0) throw new UserError(`${name}: the file is empty`);
  const codec = await loadCodec(options.codec);
  try {
    return await (options.atLeast === undefined ? codec.decode(bytes) : codec.decodeReduced(bytes, options.atLeast));
  } catch (error) {
    // sharp words this differently from run to run
    const reason = isCutJpeg(bytes) ? "premature end of JPEG image" : reasonOf(error);
    throw new UserError(`${name}: cannot be decoded: ${reason} (codec ${codec.name}); is the file complete?`);
  }
}

/**
 * Decodes an 8-bit grey or palette PNG to its stored indices, never to palette colours.
 *
 * @throws UserError naming the file when it is no such PNG: 16 bits, several channels, damaged
 */
export async function decodeLabelMap(path: string): Promise<LabelMap> {
  const { width, height, data } = await decodeIndices(path, "label map");
  if (data instanceof Uint16Array) {
    throw new UserError(`${path}: a label map must have 8 bits, this PNG has 16; save it as 8-bit grey or indexed PNG`);
  }
  return { width, height, data };
}

/** A number per pixel, row by row, as a PNG of one channel holds it. */
export interface IndexMap {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint16Array;
}

/** The same with 8 or 16 bits. @param what it is called in messages, such as "label map" */
export async function decodeIndices(path: string, what: string): Promise<IndexMap> {
  const bytes = await readBytes(path);
  if (!isPng(bytes)) throw new UserError(`${path}: a ${what} must be a PNG of one channel; this is no PNG`);
  const plain = readPlainPng(bytes);
  if (plain !== undefined) return plain;
  const png = readPngOf(bytes, path);
  if (png.channels === 1) return png;
  const kind = png.channels >= 3 ? "colours" : "grey with alpha";
  throw new UserError(
    `${path}: a ${what} must hold one ${what === "label map" ? "class index" : "number"} a pixel, ` +
      `this PNG holds ${kind} (${png.channels} channels); save it as 8-bit grey or indexed PNG`,
  );
}

/**
 * A mask kept as a picture, as 0 and 1: of a PNG of one channel what is not 0, of any other picture what is not black.
 *
 * @param input a path, or the file's bytes
 * @throws UserError as `decodePicture`
 */
export async function decodeMask(input: string | Uint8Array, options: DecodeOptions = {}): Promise<LabelMap> {
  const name = options.name ?? (typeof input === "string" ? input : "the mask");
  const bytes = typeof input === "string" ? await readBytes(input) : input;
  if (isPng(bytes)) {
    const { channels, width, height, data } = readPngOf(bytes, name);
    if (channels === 1) return { width, height, data: Uint8Array.from(data, (value) => Number(value !== 0)) };
  }
  const { width, height, data } = await decodePicture(bytes, { ...options, name });
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
    throw new UserError(`${name}: cannot be decoded: ${reasonOf(error)}; is the file complete?`);
  }
}

/**
 * The size of a picture turned upright, without decoding its pixels where the codec can do without.
 *
 * @throws UserError as `decodePicture`
 */
export async function readPictureSize(
  path: string,
  options: Pick<DecodeOptions, "codec"> = {},
): Promise<{ readonly width: number; readonly height: number }> {
  const bytes = await readBytes(path);
  if (bytes.length === 0) throw new UserError(`${path}: the file is empty`);
  const codec = await loadCodec(options.codec);
  try {
    return await codec.size(bytes);
  } catch (error) {
    throw new UserError(`${path}: cannot be decoded: ${reasonOf(error)} (codec ${codec.name}); is the file complete?`);
  }
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n")[0]!.trim();
}

/**
 * The size of a label map from the first bytes of its file.
 *
 * @throws UserError when it cannot be read or is no PNG
 */
export async function readLabelMapSize(path: string): Promise<{ readonly width: number; readonly height: number }> {
  const head = Buffer.alloc(24);
  const file = await openFile(path);
  try {
    await file.read(head, 0, head.length, 0);
  } catch (error) {
    throw describeFileError(error, path, "read");
  } finally {
    await file.close();
  }
  if (!isPng(head)) throw new UserError(`${path}: a label map must be a PNG of one channel; this is no PNG`);
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
}
