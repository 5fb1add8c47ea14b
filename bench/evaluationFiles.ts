// The data sets of the evaluation cases: files in COCO's format, read by every side.

import { createWriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { emptyRle } from "../lib/masks/rle.js";
import { compressRle } from "../lib/masks/strings.js";
import type { Rle } from "../lib/masks/types.js";
import { Random } from "../lib/random.js";

export interface CocoScale {
  readonly images: number;
  readonly objects: number;
  readonly detectionsPerImage: number;
  readonly categories: number;
}

/** Like COCO's val2017 with a detector that writes its 100 best detections. */
export const COCO_VAL: CocoScale = { images: 5000, objects: 36_781, detectionsPerImage: 100, categories: 80 };

const WIDTH = 640;
const HEIGHT = 480;

interface Shape {
  readonly category: number;
  readonly box: readonly [x: number, y: number, width: number, height: number];
}

/**
 * Writes annotations.json (polygons, 1 % crowds), bbox.json and segm.json: half of the detections near an object, with
 * scores that correlate weakly with the distance.
 */
export async function writeCocoFiles(folder: string, scale: CocoScale): Promise<void> {
  const random = Random.of("bench", "evaluation");
  const objects = Array.from({ length: scale.objects }, (_, i) => ({
    id: i + 1,
    image: 1 + random.integer(scale.images),
    crowd: random.next() < 0.01,
    ...randomShape(random, scale.categories),
  }));
  await writeList(join(folder, "annotations.json"), annotationParts(scale, objects));
  const byImage = Array.from({ length: scale.images + 1 }, (): Shape[] => []);
  for (const object of objects) byImage[object.image]!.push(object);
  const boxes = detections(scale, byImage);
  await writeList(join(folder, "bbox.json"), asList(boxes, boxResult));
  await writeList(join(folder, "segm.json"), asList(detections(scale, byImage), maskResult));
}

function* annotationParts(
  scale: CocoScale,
  objects: readonly (Shape & { readonly id: number; readonly image: number; readonly crowd: boolean })[],
): Generator<string> {
  const images = Array.from({ length: scale.images }, (_, i) => ({
    id: i + 1,
    file_name: `${String(i + 1).padStart(12, "0")}.jpg`,
    width: WIDTH,
    height: HEIGHT,
  }));
  const categories = Array.from({ length: scale.categories }, (_, k) => ({ id: k + 1, name: `class ${k + 1}` }));
  yield `{"info":{},"images":${JSON.stringify(images)},"categories":${JSON.stringify(categories)},"annotations":`;
  yield* asList(objects, ({ id, image, crowd, category, box }) => {
    const polygon = Array.from({ length: 24 }, (_, i) => ellipsePoint(box, (i * Math.PI) / 12)).flat();
    const segmentation = crowd ? { size: [HEIGHT, WIDTH], counts: [...ellipseRle(box).counts] } : [polygon];
    const area = Math.round(box[2] * box[3] * 78) / 100;
    const iscrowd = crowd ? 1 : 0;
    return { id, image_id: image, category_id: category, bbox: box, area, iscrowd, segmentation };
  });
  yield "}";
}

interface Detection extends Shape {
  readonly image: number;
  readonly score: number;
}

function* detections(scale: CocoScale, objects: readonly (readonly Shape[])[]): Generator<Detection> {
  for (let image = 1; image <= scale.images; image++) {
    const random = Random.of("bench", "detections", image);
    const own = objects[image]!;
    for (let d = 0; d < scale.detectionsPerImage; d++) {
      const near = own.length > 0 && random.next() < 0.5 ? own[random.integer(own.length)]! : undefined;
      const noise = near === undefined ? 1 : 0.3 * random.next();
      const box = near === undefined ? randomShape(random, 1).box : jitter(near.box, noise, random);
      const category = near === undefined || random.next() < 0.2 ? 1 + random.integer(scale.categories) : near.category;
      const score = Math.round(1e5 * Math.max(0.001, random.next() * (1 - noise))) / 1e5;
      yield { image, score, category, box };
    }
  }
}

function randomShape(random: Random, categories: number): Shape {
  const side = () => Math.exp(random.uniform(Math.log(12), Math.log(360)));
  const width = Math.min(WIDTH, side());
  const height = Math.min(HEIGHT, side());
  const x = random.uniform(0, WIDTH - width);
  const y = random.uniform(0, HEIGHT - height);
  return {
    category: 1 + random.integer(categories),
    box: [hundredth(x), hundredth(y), hundredth(width), hundredth(height)],
  };
}

function jitter([x, y, w, h]: Shape["box"], noise: number, random: Random): Shape["box"] {
  const shift = (length: number) => length * random.uniform(-noise, noise);
  const left = clamp(x + shift(w), 0, WIDTH - 4);
  const top = clamp(y + shift(h), 0, HEIGHT - 4);
  const width = clamp(w + shift(w), 4, WIDTH - left);
  const height = clamp(h + shift(h), 4, HEIGHT - top);
  return [hundredth(left), hundredth(top), hundredth(width), hundredth(height)];
}

const clamp = (x: number, low: number, high: number): number => Math.min(high, Math.max(low, x));
const hundredth = (x: number): number => Math.floor(x * 100) / 100;

function ellipsePoint([x, y, w, h]: Shape["box"], angle: number): [number, number] {
  return [hundredth(x + (w / 2) * (1 + Math.cos(angle))), hundredth(y + (h / 2) * (1 + Math.sin(angle)))];
}

/** The pixels whose centre lies in the ellipse inscribed in a box. */
function ellipseRle([x, y, w, h]: Shape["box"]): Rle {
  const counts: number[] = [];
  let position = 0;
  for (let column = Math.floor(x); column < Math.ceil(x + w); column++) {
    const u = (column + 0.5 - x) / (w / 2) - 1;
    const half = (h / 2) * Math.sqrt(Math.max(0, 1 - u * u));
    const start = column * HEIGHT + Math.ceil(y + h / 2 - half - 0.5);
    const end = column * HEIGHT + Math.ceil(y + h / 2 + half - 0.5);
    if (end <= start) continue;
    counts.push(start - position, end - start);
    position = end;
  }
  if (counts.length === 0) return emptyRle(HEIGHT, WIDTH);
  return { height: HEIGHT, width: WIDTH, counts: Uint32Array.from([...counts, HEIGHT * WIDTH - position]) };
}

const boxResult = ({ image, category, box, score }: Detection) => ({
  image_id: image,
  category_id: category,
  bbox: box,
  score,
});

const maskResult = ({ image, category, box, score }: Detection) => ({
  image_id: image,
  category_id: category,
  segmentation: { size: [HEIGHT, WIDTH], counts: compressRle(ellipseRle(box)) },
  score,
});

function* asList<T>(items: Iterable<T>, entry: (item: T) => object): Generator<string> {
  let separator = "[";
  for (const item of items) {
    yield separator + JSON.stringify(entry(item));
    separator = ",\n";
  }
  yield separator === "[" ? "[]" : "]";
}

async function writeList(path: string, parts: Iterable<string>): Promise<void> {
  const file = createWriteStream(path);
  let text = "";
  const flush = async () => {
    if (!file.write(text)) await new Promise<void>((resolve) => file.once("drain", resolve));
    text = "";
  };
  for (const part of parts) {
    text += part;
    if (text.length > 1 << 20) await flush();
  }
  await flush();
  file.end();
  await finished(file);
}

/** 2,000 label maps, of which 20 are distinct. */
export const MAPS = { width: 683, height: 512, classes: 150, distinct: 20, total: 2000 } as const;

const CELL = 16;

/**
 * Writes labels.bin and predictions.bin, one map after the other: squares of 16 pixels, one in five predicted as another
 * class, one in a hundred ignored.
 *
 * @param noisy draw each pixel independently instead: the worst case
 */
export async function writeMaps(folder: string, noisy: boolean): Promise<void> {
  const { width, height, classes, distinct } = MAPS;
  const side = noisy ? 1 : CELL;
  const columns = Math.ceil(width / side);
  const rows = Math.ceil(height / side);
  const labels = new Uint8Array(distinct * width * height);
  const predictions = new Uint8Array(labels.length);
  for (let map = 0; map < distinct; map++) {
    const random = Random.of("bench", "maps", map);
    const cells = Uint8Array.from({ length: rows * columns }, () =>
      random.next() < 0.01 ? 255 : random.integer(classes),
    );
    const found = cells.map((label) => (label === 255 || random.next() < 0.2 ? random.integer(classes) : label));
    for (let y = 0, i = map * width * height; y < height; y++) {
      const row = Math.floor(y / side) * columns;
      for (let x = 0; x < width; x++, i++) {
        labels[i] = cells[row + Math.floor(x / side)]!;
        predictions[i] = found[row + Math.floor(x / side)]!;
      }
    }
  }
  await writeFile(join(folder, "labels.bin"), labels);
  await writeFile(join(folder, "predictions.bin"), predictions);
}
