// What class weights, focal loss and repeat-factor sampling do for a rare class: npm run skewed [STEPS [SEEDS [FOLDER]]]
//
// The photographs of the quick start, made skewed: figs are painted over in all but two of the eleven that have some. Four
// trainings for each seed, on one thread, without masks; a table of box AP on the five validation images, which stay as they are.

import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadConfig } from "../lib/config/load.js";
import { openCoco } from "../lib/datasets/coco.js";
import { encodePng } from "../lib/images/encode.js";
import { evaluate } from "../lib/inference/evaluate.js";
import { decodeRle } from "../lib/masks/rle.js";
import { claimProcess } from "../lib/process.js";
import { train } from "../lib/training/train.js";

const RARE = "fig";
/** Images that keep theirs. */
const KEPT = 2;

const VARIANTS: readonly (readonly [name: string, ...overrides: string[]])[] = [
  ["none"],
  ["class weights, balanced", "model.head.roi.classWeights=balanced"],
  ["focal loss, γ = 2", "model.head.roi.focalGamma=2"],
  ["repeat-factor sampling, t = 1", "data.repeatThreshold=1"],
];

const SMALL = [
  "model.head.mask=false",
  "model.head.rpn.anchorScale=4",
  "data.transforms.train=[{ type: resize, scale: [192, 144] }, { type: randomFlip }, { type: photometricDistortion, hue: 9 }]",
  "data.transforms.test=[{ type: resize, scale: [192, 144] }]",
  "data.padding.sizes=[{ width: 192, height: 160 }]",
  "data.workers=0",
  "engine.threads=1",
  "training.logEvery=50",
];

interface Json {
  readonly images: { readonly id: number; readonly file_name: string }[];
  readonly annotations: { readonly image_id: number; readonly category_id: number }[];
  readonly categories: { readonly id: number; readonly name: string }[];
}

const root = fileURLToPath(new URL("../../", import.meta.url));
const source = join(root, "examples/quickstart/images");

/** Writes the skewed training set. @returns how many objects and images have each class */
async function makeSkewed(folder: string): Promise<string> {
  const annotations = join(source, "train.json");
  const json: Json = JSON.parse(await readFile(annotations, "utf8"));
  const dataset = await openCoco({ annotations, images: join(source, "train") });
  const rare = dataset.classes.indexOf(RARE);
  const painted = new Set<number>();
  let met = 0;
  await mkdir(join(folder, "train"), { recursive: true });
  for (let i = 0; i < dataset.length; i++) {
    const { image, instances, meta } = await dataset.load(i);
    const masks = instances!.masks.filter((_, k) => instances!.labels[k] === rare);
    if (masks.length === 0 || met++ < KEPT) {
      await copyFile(join(source, "train", meta.file), join(folder, "train", meta.file));
      continue;
    }
    painted.add(meta.id);
    const data = image.data.slice();
    for (const mask of masks) {
      for (const [p, value] of decodeRle(mask!).entries()) if (value === 1) data.fill(128, 3 * p, 3 * p + 3);
    }
    await writeFile(join(folder, "train", meta.file), await encodePng({ ...image, data })); // told by its content
  }
  const id = json.categories.find(({ name }) => name === RARE)!.id;
  const kept = json.annotations.filter(({ image_id, category_id }) => category_id !== id || !painted.has(image_id));
  await writeFile(join(folder, "train.json"), JSON.stringify({ ...json, annotations: kept }));
  return json.categories
    .map(({ id, name }) => {
      const own = kept.filter(({ category_id }) => category_id === id);
      return `${name}: ${own.length} in ${new Set(own.map(({ image_id }) => image_id)).size} images`;
    })
    .join("; ");
}

const [steps = "150", seeds = "3", given] = process.argv.slice(2);
claimProcess();
const folder = given ?? (await mkdtemp(join(tmpdir(), "densekit-skewed-")));
console.log(await makeSkewed(folder));
const rows: { name: string; rare: number[]; all: number[] }[] = [];
for (const [name, ...overrides] of VARIANTS) {
  const row = { name, rare: [] as number[], all: [] as number[] };
  for (let seed = 0; seed < Number(seeds); seed++) {
    const started = process.cpuUsage();
    const own = [
      `training.seed=${seed}`,
      `training.steps=${steps}`,
      `output=${join(folder, `run-${rows.length}-${seed}`)}`,
    ];
    const sets = [`data.train.annotations=${join(folder, "train.json")}`, `data.train.images=${join(folder, "train")}`];
    const { config } = loadConfig(join(root, "examples/quickstart/quickstart.yaml"), {
      overrides: [...SMALL, ...sets, ...overrides, ...own],
    });
    const { weights } = await train({ config, restart: true, onEvent: () => undefined });
    const { metrics, perClass } = await evaluate({ config, weights, output: join(config.output, "judged") });
    row.rare.push(perClass.find((entry) => entry.name === RARE)?.metrics.boxAP ?? 0);
    row.all.push(metrics.boxAP!);
    const { user, system } = process.cpuUsage(started);
    const seconds = ((user + system) / 1e6).toFixed(0);
    console.log(
      `${name}, seed ${seed}: ${RARE} ${row.rare.at(-1)!.toFixed(3)}, all ${row.all.at(-1)!.toFixed(3)} (${seconds} s of CPU)`,
    );
  }
  rows.push(row);
}
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const shown = (values: readonly number[]): string => values.map((value) => value.toFixed(3)).join(", ");
console.log(`\n| ${steps} steps | AP of ${RARE}, by seed | mean | AP of all | mean |\n| --- | --- | --- | --- | --- |`);
for (const { name, rare, all } of rows) {
  console.log(`| ${name} | ${shown(rare)} | ${mean(rare).toFixed(3)} | ${shown(all)} | ${mean(all).toFixed(3)} |`);
}
if (given === undefined) await rm(folder, { recursive: true });
