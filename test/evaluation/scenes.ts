import type { CocoGroundTruth, CocoResult } from "../../lib/evaluation/coco-files.js";
import { encodeRle } from "../../lib/masks/rle.js";
import { compressRle } from "../../lib/masks/strings.js";
import { Random } from "../../lib/random.js";

export interface Scene {
  readonly groundTruth: CocoGroundTruth;
  readonly results: CocoResult[];
}

/**
 * A small random data set and results for it: crowds, ties in the scores, pictures without objects or detections,
 * categories without objects. Every object has a box and a mask, every result as well unless told otherwise.
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

/** The compressed mask of the ellipse that fills a box. */
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
