import type { CocoGroundTruth, CocoResult } from "../../../lib/coco/entries.js";
import { type CocoSegmentation, segmentationToRle } from "../../../lib/masks/coco.js";
import { encodeRle } from "../../../lib/masks/rle.js";
import { compressRle } from "../../../lib/masks/strings.js";
import { Random } from "../../../lib/random.js";

export interface Scene {
  readonly groundTruth: CocoGroundTruth;
  readonly results: CocoResult[];
}

/**
 * A small random data set with results: crowds, ties of scores, images without objects or detections, categories without
 * objects. Every object has a box and a mask, and so has every result by default.
 */
export function randomScene(
  seed: number,
  parts: readonly ("bbox" | "segmentation")[] = ["bbox", "segmentation"],
): Scene {
  const random = Random.of("scene", seed);
  const categories = [4, 2, 9].map((id) => ({ id, name: `kind ${id}` }));
  const images = Array.from({ length: 2 + random.integer(5) }, (_, i) => ({
    id: 100 - 7 * i,
    width: 20 + random.integer(120),
    height: 20 + random.integer(120),
  }));
  const shape = (image: { width: number; height: number }) => {
    const w = 2 + random.integer(Math.floor(image.width / 1.5));
    const h = 2 + random.integer(Math.floor(image.height / 1.5));
    return [random.integer(image.width - w), random.integer(image.height - h), w, h] as const;
  };
  const annotations = images.flatMap((image) =>
    Array.from({ length: random.integer(5) }, () => {
      const bbox = shape(image);
      const iscrowd = random.next() < 0.2 ? 1 : 0;
      const category_id = categories[random.integer(2)]!.id;
      const segmentation = ellipse(image, bbox);
      return { image_id: image.id, category_id, bbox, iscrowd, area: 0.8 * bbox[2] * bbox[3], segmentation };
    }),
  );
  const numbered = annotations.map((annotation, i) => ({ ...annotation, id: 3 * i + 1 }));
  const results = images.flatMap((image) => {
    const own = numbered.filter(({ image_id }) => image_id === image.id);
    return Array.from({ length: random.integer(9) }, () => {
      const near = own[random.integer(Math.max(1, own.length))];
      const bbox = near !== undefined && random.next() < 0.7 ? nudge(near.bbox, image, random) : shape(image);
      const category_id =
        near !== undefined && random.next() < 0.8 ? near.category_id : categories[random.integer(3)]!.id;
      const score = Math.round(random.next() * 10) / 10;
      return { image_id: image.id, category_id, score, ...pick({ bbox, segmentation: ellipse(image, bbox) }, parts) };
    });
  });
  return { groundTruth: { images, categories, annotations: numbered }, results };
}

/**
 * A scene with rare cases: polygons (also of crowds), lists of counts, several parts, empty masks, boxes without area or beyond
 * the image, negative scores, images with more detections than are counted.
 */
export function oddScene(seed: number, parts: readonly ("bbox" | "segmentation")[]): Scene {
  const { groundTruth, results } = randomScene(seed, parts);
  const random = Random.of("odd", seed);
  const sizes = new Map(groundTruth.images.map((image) => [image.id, image]));
  const oddMask = (imageId: number, bbox: readonly number[], usual: CocoSegmentation) => {
    const { width, height } = sizes.get(imageId)!;
    const [x, y, w, h] = bbox as Box;
    const wiggle = (c: number) => c + random.uniform(-3, 3);
    const triangle = () => [wiggle(x), wiggle(y), wiggle(x + w), wiggle(y + h / 2), wiggle(x), wiggle(y + h)];
    const kind = random.integer(6);
    if (kind === 0) return [triangle()];
    if (kind === 1) return [triangle(), [x, y, x + w, y, x + w, y + h / 3, x, y + h / 3]];
    if (kind === 2) return { size: [height, width], counts: [height * width] };
    if (kind === 3) return { size: [height, width], counts: [0, height * width] };
    if (kind === 4) {
      const column = Math.min(width - 1, x) * height;
      return { size: [height, width], counts: [column, height, height * (width - 1) - column] };
    }
    return usual;
  };
  const oddBox = (bbox: readonly number[]): readonly number[] => {
    const [x, y, w, h] = bbox as Box;
    const kind = random.integer(8);
    if (kind === 0) return [x, y, 0, h];
    if (kind === 1) return [x - w, y - h, 2 * w, 2 * h];
    return kind === 2 ? [x + 0.25, y + 0.1, w / 3, h / 7] : bbox;
  };
  const compressed = ({ image_id, bbox, segmentation }: CocoResult) => {
    const { width, height } = sizes.get(image_id)!;
    const mask = segmentationToRle(oddMask(image_id, bbox ?? [1, 1, 9, 9], segmentation!), height, width);
    return { size: [height, width], counts: compressRle(mask) }; // the reference reads no other form in results
  };
  const annotations = groundTruth.annotations.map((annotation) => {
    const segmentation = oddMask(annotation.image_id, annotation.bbox, annotation.segmentation!);
    const area = random.next() < 0.1 ? 0 : random.next() < 0.2 ? 32 ** 2 : annotation.area!;
    return { ...annotation, bbox: oddBox(annotation.bbox), segmentation, area };
  });
  const changed = results.map((result) => ({
    ...result,
    ...(result.bbox && { bbox: oddBox(result.bbox) }),
    ...(result.segmentation && random.next() < 0.3 && { segmentation: compressed(result) }),
    score: random.next() < 0.1 ? -result.score : result.score,
  }));
  const repeats = seed % 10 === 0 ? 8 : 1;
  const all = Array.from({ length: repeats }, () => changed).flat();
  return { groundTruth: { ...groundTruth, annotations }, results: all };
}

function pick<T extends object>(value: T, keys: readonly (keyof T)[]): Partial<T> {
  const picked: Partial<T> = {};
  for (const key of keys) picked[key] = value[key];
  return picked;
}

type Box = readonly [number, number, number, number];

function nudge([x, y, w, h]: Box, image: { width: number; height: number }, random: Random): Box {
  const shift = () => random.integer(5) - 2;
  const left = Math.min(image.width - 2, Math.max(0, x + shift()));
  const top = Math.min(image.height - 2, Math.max(0, y + shift()));
  const clip = (length: number, room: number) => Math.max(1, Math.min(room, length + shift()));
  return [left, top, clip(w, image.width - left), clip(h, image.height - top)];
}

/** The compressed mask of the ellipse inscribed in a box. */
function ellipse({ width, height }: { width: number; height: number }, [x, y, w, h]: Box) {
  const bitmap = new Uint8Array(width * height);
  for (let j = y; j < y + h; j++) {
    for (let i = x; i < x + w; i++) {
      const inside = ((i + 0.5 - x) / w - 0.5) ** 2 + ((j + 0.5 - y) / h - 0.5) ** 2 <= 0.25;
      if (inside) bitmap[j * width + i] = 1;
    }
  }
  return { size: [height, width], counts: compressRle(encodeRle(bitmap, height, width)) };
}
