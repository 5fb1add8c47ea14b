import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import pMap from "p-map";
import { decodeImage } from "../../images/decode.js";
import type { Image } from "../../pixels/image.js";
import { resizeImage } from "../../pixels/resize.js";
import type { Collector } from "./collector.js";
import type { CheckOptions } from "./types.js";

/** What identifies an image. */
export interface Fingerprint {
  readonly path: string;
  /** Hash of the decoded pixels: the same for copies, whatever their names, metadata and lossless format. */
  readonly hash: string;
  /** The image at 16 × 16, [768] RGB: nearly the same for copies that were recompressed or rescaled. */
  readonly thumbnail: Uint8Array;
}

export const THUMBNAIL_SIDE = 16;

/**
 * Decodes images, several at a time, each file once, and reports those that cannot be decoded. Each entry is passed to
 * `visit`.
 */
export async function decodeAll<T extends { readonly path: string }>(
  images: readonly T[],
  visit: (image: Image, of: T) => void | Promise<void>,
  run: { readonly collector: Collector; readonly name: string } & Pick<CheckOptions, "signal" | "onEvent">,
): Promise<Fingerprint[]> {
  let done = 0;
  const byPath = new Map<string, T[]>();
  for (const of of images) {
    const entries = byPath.get(of.path);
    if (entries === undefined) byPath.set(of.path, [of]);
    else entries.push(of);
  }
  const found = await pMap(
    byPath,
    async ([path, entries]) => {
      const image = await run.collector.attemptAsync(() => decodeImage(path));
      if (image !== undefined) for (const of of entries) await visit(image, of);
      done += entries.length;
      run.onEvent?.({ type: "progress", what: `checking ${run.name}`, done, total: images.length });
      return image === undefined ? [] : [fingerprint(image, path)];
    },
    { concurrency: 2 * availableParallelism(), ...(run.signal !== undefined && { signal: run.signal }) },
  );
  return found.flat();
}

function fingerprint(image: Image, path: string): Fingerprint {
  const hash = createHash("sha256").update(`${image.width}×${image.height} `).update(image.data).digest("hex");
  const side = THUMBNAIL_SIDE;
  return { path, hash, thumbnail: resizeImage(image, { width: side, height: side }, "bilinear-antialias").data };
}
