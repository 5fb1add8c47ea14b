import type { Random } from "../../../lib/random.js";
import { annotationTarget } from "../annotations/target.js";
import {
  damaged,
  many,
  nameText,
  numbers,
  numberText,
  OWN_NAMES,
  pick,
  SIZE,
  sideText,
} from "../annotations/values.js";

export const target = annotationTarget({
  about:
    "COCO JSON with coordinates, sizes and names of any kind, converted to YOLO's boxes and polygons, and to crops",
  file: "instances.json",
  make: (random) => damaged(fileText(random), random),
  sources: (_, images, input) => [{ format: "coco", input, images }],
  targets: ["boxes", "polygons", "crops"],
});

export function fileText(random: Random): string {
  const image =
    `{"id":1,"file_name":"${nameText(random)}",` +
    `"width":${sideText(random, SIZE.width)},"height":${sideText(random, SIZE.height)}}`;
  let id = 0;
  const objects = many(random, 4, () => {
    const box = random.next() < 0.7 ? "2,2,5,5" : numbers(random, 4).join(",");
    return `{"id":${++id},"image_id":1,"category_id":1,"bbox":[${box}],"segmentation":${shapeText(random)},"iscrowd":0${ownText(random)}}`;
  });
  const name = random.next() < 0.8 ? "cat" : pick(random, OWN_NAMES);
  return `{"images":[${image}],"annotations":[${objects.join(",")}],"categories":[{"id":1,"name":"${name}"}]}`;
}

/** A member with a name that every object has. */
const ownText = (random: Random): string =>
  random.next() < 0.9 ? "" : `,"${pick(random, OWN_NAMES)}":${numberText(random) || "{}"}`;

function shapeText(random: Random): string {
  if (random.next() < 0.6) {
    const polygons = many(random, 3, () => `[${numbers(random, 2 * (3 + random.integer(6))).join(",")}]`);
    return `[${polygons.join(",")}]`;
  }
  const size = `[${sideText(random, SIZE.height)},${sideText(random, SIZE.width)}]`;
  const counts = pick(random, [
    () => "[0,192]",
    () => "[10,20,162]",
    () => `[${numbers(random, random.integer(6)).join(",")}]`,
    () => '"0P6"',
    () =>
      `"${String.fromCharCode(...Array.from({ length: random.integer(12) }, () => 48 + random.integer(64))).replaceAll("\\", "")}"`,
    () => numberText(random) || "0",
  ])();
  return `{"size":${size},"counts":${counts}}`;
}
