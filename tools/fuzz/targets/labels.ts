import { existsSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type LabelledFile, labelListText, readLabelList } from "../../../lib/datasets/labelList.js";
import { splitData } from "../../../lib/datatools/split/split.js";
import { UserError } from "../../../lib/errors.js";
import { encodePng } from "../../../lib/images/encode.js";
import type { Random } from "../../../lib/random.js";
import { many, nameText } from "../annotations/values.js";
import { mutate } from "../mutate.js";
import type { FuzzTarget } from "../target.js";
import { anyJson, anyName, mutateText, oneOf } from "../words.js";

const ENDINGS = ["csv", "txt", "json"] as const;
const IMAGES = ["scene.png", "b c.png", "night/d.png"];

export const target: FuzzTarget = {
  about: "lists of images and their classes as CSV, text and JSON, read, written again and split",
  async open(folder) {
    const [images, out] = [join(folder, "in", "images"), join(folder, "in", "out")];
    await mkdir(join(images, "night"), { recursive: true });
    const png = await encodePng({ width: 2, height: 2, data: new Uint8Array(12) });
    for (const name of IMAGES) await writeFile(join(images, name), png);
    const labels = ENDINGS.map((ending) => join(folder, "in", `list.${ending}`));
    const again = join(folder, "in", "again.csv");
    const own = new Set([...labels, again, ...IMAGES.map((name) => join(images, name))]);
    return {
      make: (random) => {
        const text = oneOf(random, [csvText, lineText, jsonText])(random);
        if (random.integer(3) === 0) return mutate(Buffer.from(text), random);
        return Buffer.from(random.integer(2) === 0 ? mutateText(text, random, IMAGES) : text);
      },
      async attempt(input) {
        const refusals: UserError[] = [];
        for (const path of labels) {
          await writeFile(path, input);
          try {
            await readAgain(await readLabelList(path, images), again, images);
            const source = { kind: "imageLabels", name: "fuzz", images: images, labels: path } as const;
            await splitData({ source, output: join(out, "lists"), shares: { train: 0.5, val: 0.5 } });
          } catch (error) {
            if (!(error instanceof UserError)) throw error;
            refusals.push(error);
          }
          const stray = (await filesOf(folder)).find((file) => !own.has(file) && !file.startsWith(out));
          if (stray !== undefined) throw new Error(`written outside the output folder: ${stray}`);
          if (existsSync(out)) await rm(out, { recursive: true });
        }
        if (refusals.length === labels.length) throw refusals[0]!;
      },
    };
  },
};

/** A written list must be read as the same list. Lone surrogates cannot be written. */
async function readAgain(list: readonly LabelledFile[], path: string, images: string): Promise<void> {
  if (list.some(({ file, label }) => /\p{Surrogate}/u.test(file + label))) return;
  await writeFile(path, labelListText(list));
  const back = await readLabelList(path, images);
  if (JSON.stringify(back) !== JSON.stringify(list)) throw new Error("a written list is read as another");
}

async function filesOf(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

const anyFile = (random: Random): string =>
  random.integer(4) > 0 ? oneOf(random, IMAGES) : random.integer(2) === 0 ? nameText(random) : anyName(random);

const anyLabel = (random: Random): string =>
  random.integer(3) > 0 ? oneOf(random, ["cat", "dog", "0", "1"]) : anyName(random);

function csvText(random: Random): string {
  const quoted = (text: string): string => (random.integer(2) === 0 ? text : `"${text.replaceAll('"', '""')}"`);
  const rows = many(random, 4, () => `${quoted(anyFile(random))},${quoted(anyLabel(random))}`);
  return [...oneOf(random, [["file,label"], [], ["\uFEFFlabel,file"]]), ...rows].join(oneOf(random, ["\n", "\r\n"]));
}

function lineText(random: Random): string {
  const withFiles = random.integer(3) > 0;
  return many(random, 4, () => `${withFiles ? `${anyFile(random)} ` : ""}${anyLabel(random)}`).join("\n");
}

function jsonText(random: Random): string {
  if (random.integer(4) === 0) return anyJson(random, 5);
  const pairs = many(random, 4, () => [JSON.stringify(anyFile(random)), JSON.stringify(anyLabel(random))] as const);
  if (random.integer(2) === 0) return `{${pairs.map(([file, label]) => `${file}:${label}`).join(",")}}`;
  return `[${pairs.map(([file, label]) => `{"file":${file},"label":${label}}`).join(",")}]`;
}
