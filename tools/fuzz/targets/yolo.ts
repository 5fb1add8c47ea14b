import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../../../lib/random.js";
import { annotationTarget } from "../annotations/target.js";
import { damaged, IMAGE, many, numberText, pick } from "../annotations/values.js";

export const target = annotationTarget({
  about: "YOLO's text files with fractions of any size, with and without --clip",
  file: "labels/train/scene.txt",
  make: (random) => damaged(fileText(random), random),
  sources: (folder) => [
    { format: "yolo", input: join(folder, "data.yaml"), clip: true },
    { format: "yolo", input: join(folder, "data.yaml") },
  ],
  async prepare(folder) {
    await mkdir(join(folder, "images", "train"), { recursive: true });
    await copyFile(join(folder, "images", IMAGE), join(folder, "images", "train", IMAGE));
    await writeFile(join(folder, "data.yaml"), "train: images/train\nnames: [cat, dog]\n");
  },
});

function fileText(random: Random): string {
  const word = (): string =>
    random.next() < 0.85 ? (random.next() * 1.001).toFixed(random.integer(8)) : numberText(random);
  const lines = many(random, 4, () => {
    const length = pick(random, [4, 4, 6, 8, random.integer(12)]);
    return [pick(random, ["0", "1", "0", "2", "-1", "0.5"]), ...Array.from({ length }, word)].join(" ");
  });
  return lines.join("\n");
}
