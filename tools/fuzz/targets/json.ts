import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readCocoFile } from "../../../lib/datasets/cocoFile.js";
import { UserError } from "../../../lib/errors.js";
import { mutate } from "../mutate.js";
import type { FuzzTarget } from "../target.js";
import { anyJson, mutateText } from "../words.js";

const FILE = JSON.stringify({
  info: { year: 2017, more: [[1, { a: "[{" }]] },
  images: [{ id: 1, file_name: "a.jpg", width: 10, height: 10 }],
  annotations: [
    { id: 1, image_id: 1, category_id: 1, bbox: [1, 2, 3.5, 4], segmentation: [[1, 2, 3, 4, 5, 6]], note: 'a\\"]"' },
    { id: 2, image_id: 1, category_id: 2, bbox: [1, 2, 3, 4], iscrowd: 1 },
  ],
  categories: [{ id: 1, name: "cat" }],
});
const WORDS = ["NaN", "Infinity", "-Infinity", "null", "images", "annotations", "categories", "true"];

export const target: FuzzTarget = {
  about: "JSON files of lists, read whole and in chunks: both must agree",
  open(folder) {
    const path = join(folder, "fuzzed.json");
    return {
      make(random) {
        const kind = random.integer(4);
        if (kind === 0) return mutate(Buffer.from(FILE), random);
        if (kind === 1) return Buffer.from(anyJson(random, 6));
        return Buffer.from(mutateText(FILE, random, WORDS));
      },
      async attempt(input) {
        await writeFile(path, input);
        const whole = await read(path, Number.POSITIVE_INFINITY);
        const pieces = await read(path, 0);
        if (!(whole instanceof UserError) && !(pieces instanceof UserError)) {
          if (JSON.stringify(whole) !== JSON.stringify(pieces)) throw new Error("chunks give another result");
        }
        if (whole instanceof UserError) throw whole;
        if (pieces instanceof UserError) throw new Error(`refused only in chunks: ${pieces.message}`);
      },
    };
  },
};

async function read(path: string, largestWhole: number) {
  try {
    return await readCocoFile(path, { largestWhole });
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}
