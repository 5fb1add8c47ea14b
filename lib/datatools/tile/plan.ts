import { setImmediate } from "node:timers/promises";
import type { Dataset } from "../../datasets/types.js";
import { UserError } from "../../errors.js";
import { readImageSize, readLabelMapSize } from "../../images/decode.js";
import type { Size } from "../../pixels/image.js";
import type { ProgressEvent } from "../../progress.js";
import { counted } from "../../words.js";
import { countTiles, type TileGrid } from "./windows.js";

/** Of one image. More are a slip of --size or --overlap: at 1024 pixels a side, 8,000 tiles are an image of 90,000 × 90,000. */
const MOST_TILES = 10_000;

type Sized = Pick<Dataset, "length" | "source">;

/**
 * Counts the tiles before the first is cut, and says how many they are.
 *
 * @returns what is to be called before each tile: it tells how far the work is, and stops it when the signal says so
 * @throws UserError naming an image of too many tiles
 */
export async function planTiles(
  dataset: Sized,
  options: TileGrid & { readonly signal?: AbortSignal; readonly onEvent?: (event: ProgressEvent) => void },
): Promise<() => Promise<void>> {
  const { signal, onEvent, width, height, overlap } = options;
  let total = 0;
  for (let index = 0; index < dataset.length; index++) {
    signal?.throwIfAborted();
    const size = await sizeOf(dataset, index);
    const count = countTiles(size, options);
    if (count > MOST_TILES) {
      throw new UserError(
        `${dataset.source(index).path}: ${size.width}×${size.height} pixels make ${count} tiles of ${width}×${height} that overlap by ` +
          `${overlap}; at most ${MOST_TILES} of an image are cut: choose larger tiles (--size) or less overlap (--overlap)`,
        2,
      );
    }
    total += count;
  }
  onEvent?.({ type: "message", text: `cutting ${counted(dataset.length, "image")} into ${counted(total, "tile")}` });
  let done = 0;
  return async () => {
    await setImmediate(); // signals are heard between turns of the event loop alone
    signal?.throwIfAborted();
    onEvent?.({ type: "progress", what: "tiling", done: ++done, total });
  };
}

/** As annotated, where it is: the reader checks it. Else as the file's first bytes say. */
async function sizeOf(dataset: Sized, index: number): Promise<Size> {
  const { info, path, labelMap } = dataset.source(index);
  if ("width" in info) return info;
  return labelMap === undefined ? readImageSize(path) : readLabelMapSize(labelMap.path);
}
