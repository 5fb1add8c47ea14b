import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { decodeImage, describeValue, type FileInput } from "../images/decode.js";
import { dropAlpha, type Image } from "../pixels/image.js";
import { readImage } from "./imageInputs.js";

/** A file's path, file: URL or address (https://…), its bytes, or a decoded image: RGB, or RGBA, whose alpha is dropped. */
export type ImageInput = FileInput | Blob | ImagePixels;

/** A decoded image as other programs have it, such as canvas's ImageData. */
export interface ImagePixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

export interface ReadInputOptions {
  readonly codec: Config["data"]["codec"];
  /** What an image without a path is called in messages. */
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
}

/** Decodes an image, and says how it is called in messages. @throws UserError when it cannot be read or is none */
export async function readInput(input: unknown, { codec, name, signal }: ReadInputOptions): Promise<[Image, string]> {
  const given = input instanceof URL && input.protocol !== "file:" ? input.href : input;
  if (typeof given === "string") return [await readImage(given, { codec, signal }), given];
  if (given instanceof Blob) return [await decodeImage(await given.arrayBuffer(), { codec, name }), name];
  if (given instanceof URL || given instanceof Uint8Array || given instanceof ArrayBuffer) {
    return [await decodeImage(given, { codec, name }), given instanceof URL ? given.href : name];
  }
  return [checkedImage(given, name), name];
}

/** An image made by another program: RGB, or RGBA, whose alpha is dropped. */
export function checkedImage(image: unknown, name = "the image"): Image {
  const given = typeof image === "object" && image !== null ? image : undefined;
  if (given === undefined || !("width" in given && "height" in given && "data" in given)) {
    throw new UserError(
      `${name}: a path, an address, the bytes of a file, a Blob, or { width, height, data } is needed, not ${describeValue(image)}`,
    );
  }
  const { width, height, data } = given;
  if (!isSide(width) || !isSide(height)) {
    throw new UserError(`${name}: width and height must be whole numbers of at least 1, not ${width} and ${height}`);
  }
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new UserError(`${name}: data must be a Uint8Array of RGB values of 0 to 255, not ${describeValue(data)}`);
  }
  const pixels = width * height;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  if (bytes.length === 3 * pixels) return { width, height, data: bytes };
  if (bytes.length === 4 * pixels) return { width, height, data: dropAlpha(bytes) };
  throw new UserError(
    `${name}: ${width} × ${height} pixels of RGB are ${3 * pixels} bytes (RGBA ${4 * pixels}), ` +
      `but data has ${bytes.length}`,
  );
}

const isSide = (value: unknown): value is number => typeof value === "number" && Number.isInteger(value) && value >= 1;
