import type { ClassificationConfig } from "../../config/schema.js";
import type { ClassificationDataset } from "../../datasets/types.js";
import type { Teacher } from "../../models/classifier/distillation.js";
import { validationLoader } from "../data.js";
import { joined } from "./teacher.js";

/**
 * A teacher that sees each image of the training set once, as validation prepares it, and whose logits are kept: 4 bytes a
 * class and image. Each image is given alone, so that its logits do not depend on the batch it first comes in: a resumed run
 * asks again, in another order, and gets the same.
 */
export function cachedTeacher(
  teacher: Teacher,
  dataset: ClassificationDataset,
  { data, ...config }: ClassificationConfig,
): Teacher {
  const one = { ...config, data: { ...data, testBatchSize: 1, workers: 0 } };
  const loader = validationLoader(dataset, one);
  const answers = new Map<number, Float32Array>();

  async function ask(index: number): Promise<Float32Array> {
    for await (const image of loader.batches({ startAt: index, stopAt: index + 1 })) return teacher.logits(image);
    throw new RangeError(`there is no image ${index}`);
  }

  return {
    unmixed: true,
    async logits({ indices }) {
      const rows: Float32Array[] = [];
      for (const index of indices) {
        const row = answers.get(index) ?? (await ask(index)).slice();
        answers.set(index, row);
        rows.push(row);
      }
      return joined(rows);
    },
    async dispose() {
      await loader.dispose();
      await teacher.dispose();
    },
  };
}
