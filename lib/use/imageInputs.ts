import { resolve } from "node:path";
import type { Config } from "../config/schema.js";
import { UserError } from "../errors.js";
import { webAddress, webBytes } from "../hub/index.js";
import { decodeImage } from "../images/decode.js";
import { findImages } from "../inference/findImages.js";
import type { Image } from "../pixels/image.js";

/** The bytes of an image's file, with the name it is told by. */
export interface NamedImage {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What an image's file may have that is not on this machine's disk. */
export const MOST_IMAGE_BYTES = 64e6;

/** Images by name, each once, in their order: a path, an address, or a name with its bytes. */
export type ImageInputs = ReadonlyMap<string, Uint8Array | undefined>;

/**
 * The images that are named by files, folders, glob patterns and addresses, and those given by their bytes.
 *
 * @throws UserError as `findImages`, or where two are named alike
 */
export async function imageInputs(
  inputs: readonly (string | NamedImage)[],
  options: { readonly recursive: boolean },
): Promise<ImageInputs> {
  const found = new Map<string, [name: string, bytes?: Uint8Array]>();
  for (const input of inputs) {
    if (typeof input !== "string") {
      if (found.has(input.name)) throw new UserError(`two images are named ${input.name}`, 2);
      found.set(input.name, [input.name, input.bytes]);
    } else if (webAddress(input) !== undefined) found.set(input, [input]);
    else
      for (const path of await findImages([input], options))
        if (!found.has(resolve(path))) found.set(resolve(path), [path]);
  }
  return new Map([...found.values()].map(([name, bytes]) => [name, bytes]));
}

export interface ReadImageOptions {
  readonly codec: Config["data"]["codec"];
  readonly bytes?: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Decodes an image. @throws UserError when it cannot be had or decoded */
export async function readImage(name: string, { codec, bytes, signal }: ReadImageOptions): Promise<Image> {
  if (bytes !== undefined) return decodeImage(bytes, { codec, name });
  const url = webAddress(name);
  if (url === undefined) return decodeImage(name, { codec });
  return decodeImage(await webBytes(url, { most: MOST_IMAGE_BYTES, signal }), { codec, name });
}
