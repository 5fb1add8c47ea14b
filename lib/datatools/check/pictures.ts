import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import pMap from "p-map";
import { decodePicture } from "../../images/decode.js";
import type { Picture } from "../../images/picture.js";
import { resizePicture } from "../../images/resize.js";
import type { Collector } from "./collector.js";
import type { CheckOptions } from "./types.js";

/** What a picture is recognised by. */
export interface Fingerprint {
  readonly path: string;
  /** Of the decoded pixels: the same for copies, whatever their names, metadata and lossless format. */
  readonly hash: string;
  /** The picture at 16 × 16, [768] RGB: nearly the same for copies that were compressed or scaled anew. */
  readonly thumbnail: Uint8Array;
}

export const THUMBNAIL_SIDE = 16;

/** Decodes pictures, several at a time, each file once, and tells of those that cannot be. Each entry goes to `visit`. */
export async function decodeAll<T extends { readonly path: string }>(
  pictures: readonly T[],
  visit: (picture: Picture, of: T) => void | Promise<void>,
  run: { readonly collector: Collector; readonly name: string } & Pick<CheckOptions, "signal" | "onEvent">,
): Promise<Fingerprint[]> {
  let done = 0;
  const byPath = new Map<string, T[]>();
  for (const of of pictures) {
    const entries = byPath.get(of.path);
    if (entries === undefined) byPath.set(of.path, [of]);
    else entries.push(of);
  }
  const found = await pMap(
    byPath,
    async ([path, entries]) => {
      const picture = await run.collector.attemptAsync(() => decodePicture(path));
      if (picture !== undefined) for (const of of entries) await visit(picture, of);
      done += entries.length;
      run.onEvent?.({ type: "progress", what: `checking ${run.name}`, done, total: pictures.length });
      return picture === undefined ? [] : [fingerprint(picture, path)];
    },
    { concurrency: 2 * availableParallelism(), ...(run.signal !== undefined && { signal: run.signal }) },
  );
  return found.flat();
}

function fingerprint(picture: Picture, path: string): Fingerprint {
  const hash = createHash("sha256").update(`${picture.width}×${picture.height} `).update(picture.data).digest("hex");
  const side = THUMBNAIL_SIDE;
  return { path, hash, thumbnail: resizePicture(picture, { width: side, height: side }, "bilinear-antialias").data };
}
