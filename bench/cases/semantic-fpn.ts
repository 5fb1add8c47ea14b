import { onnxRuntimeEngine } from "../../lib/engines/onnxruntime.js";
import { semanticFpn } from "../../lib/models/semanticFpn/model.js";
import { segmenter } from "../../lib/models/semanticFpn/segmenter.js";
import { checksum, pictures, rms } from "../inputs.js";
import type { Prepare } from "../protocol.js";
import { benchValues, semanticModel } from "./models.js";

/** Normalised pictures to label maps of the same size. */
export const prepare: Prepare = async ({ variant, size, batch, threads }) => {
  const model = semanticFpn(semanticModel(variant), 150);
  const { segment, dispose } = segmenter({
    model,
    values: benchValues(model.parameters),
    engine: onnxRuntimeEngine({ threads }),
    folded: true,
  });
  const images = pictures(batch, size);
  const [height, width] = size;
  const same = {
    originalHeight: height,
    originalWidth: width,
    height,
    width,
    scaleFactor: [1, 1],
    flipped: false,
  } as const;
  const meta = Array.from({ length: batch }, (_, id) => ({ id, file: "", ...same }));
  let last: ArrayLike<number> = [];
  return {
    async run() {
      last = (await segment({ images, height, width, meta })).at(-1)!.data;
    },
    dispose,
    checksum: checksum(images),
    check: () => rms(last),
  };
};
