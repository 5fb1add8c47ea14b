import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { confusionCounter } from "../../lib/metrics/labels/confusion.js";
import { segmentationFigures } from "../../lib/metrics/labels/figures.js";
import { MAPS } from "../evaluationFiles.js";
import type { Prepare } from "../protocol.js";

/** From label maps in memory to the mIoU, on one thread. */
export const prepare: Prepare = async ({ path }) => {
  const { width, height, classes, distinct, total } = MAPS;
  const labels = await readFile(join(path, "labels.bin"));
  const predictions = await readFile(join(path, "predictions.bin"));
  const cut = (maps: Uint8Array, i: number) => {
    const start = (i % distinct) * width * height;
    return { width, height, data: maps.subarray(start, start + width * height) };
  };
  let mIoU = 0;
  return {
    async run() {
      const counter = confusionCounter({ classes });
      for (let i = 0; i < total; i++) counter.add(cut(predictions, i), cut(labels, i));
      ({ mIoU } = segmentationFigures(counter.matrix()));
    },
    dispose: async () => undefined,
    check: () => mIoU,
  };
};
