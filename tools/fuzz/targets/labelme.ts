import { encodeIndexedPng } from "../../../lib/images/encode.js";
import type { Random } from "../../../lib/random.js";
import { annotationTarget } from "../annotations/target.js";
import { damaged, many, nameText, numbers, OWN_NAMES, pick, SIZE, sideText } from "../annotations/values.js";

const MASK = Buffer.from(encodeIndexedPng({ width: 2, height: 2, data: Uint8Array.of(1, 0, 1, 1) }, [])).toString(
  "base64",
);

export const target = annotationTarget({
  about: "LabelMe's JSON with shapes of any size and place",
  file: "labels/scene.json",
  make: (random) => damaged(fileText(random), random),
  sources: (folder, images) => [{ format: "labelme", input: `${folder}/labels`, images }],
});

function fileText(random: Random): string {
  const shapes = many(random, 4, () => {
    const type = pick(random, ["polygon", "rectangle", "circle", "mask", "point", "line"]);
    const points = many(random, 4, () => `[${numbers(random, 2).join(",")}]`);
    const mask = type === "mask" ? `,"mask":"${MASK}"` : "";
    const group = random.next() < 0.3 ? `,"group_id":${random.integer(2)}` : "";
    const label = random.next() < 0.9 ? "cat" : pick(random, OWN_NAMES);
    return `{"label":"${label}","shape_type":"${type}","points":[${points.join(",")}]${mask}${group}}`;
  });
  const sides = `"imageWidth":${sideText(random, SIZE.width)},"imageHeight":${sideText(random, SIZE.height)}`;
  return `{"shapes":[${shapes.join(",")}],"imagePath":"${nameText(random)}",${sides}}`;
}
