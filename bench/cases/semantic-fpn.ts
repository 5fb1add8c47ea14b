import { metaOf } from "../../lib/datasets/meta.js";
import { checksum, normalisedImages, rms } from "../inputs.js";
import type { Prepare } from "../protocol.js";
import { benchSegmenter } from "./segmenter.js";

/** From normalised images to label maps of the same size. */
export const prepare: Prepare = async ({ variant, size, batch, threads }) => {
  const { predict, dispose } = benchSegmenter(variant, threads);
  const images = normalisedImages(batch, size);
  const [height, width] = size;
  const meta = Array.from({ length: batch }, (_, id) => metaOf({ id, file: "" }, { width, height }));
  let last: ArrayLike<number> = [];
  return {
    async run() {
      last = (await predict({ images, height, width, meta })).at(-1)!.data;
    },
    dispose,
    checksum: checksum(images),
    check: () => rms(last),
  };
};
