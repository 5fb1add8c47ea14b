import type { Random } from "../../../lib/random.js";
import { annotationTarget } from "../annotations/target.js";
import { damaged, many, nameText, numberText, SIZE, sideText } from "../annotations/values.js";

export const target = annotationTarget({
  about: "Pascal VOC's XML with boxes of any size and place",
  file: "labels/scene.xml",
  make: (random) => damaged(fileText(random), random),
  sources: (folder, images) => [{ format: "voc", input: `${folder}/labels`, images }],
});

function fileText(random: Random): string {
  const corners = ["xmin", "ymin", "xmax", "ymax"];
  const objects = many(random, 4, () => {
    const box = corners.map((name) => `<${name}>${numberText(random)}</${name}>`).join("");
    return `<object><name>cat</name><difficult>${random.integer(2)}</difficult><bndbox>${box}</bndbox></object>`;
  });
  const sides = `<width>${sideText(random, SIZE.width)}</width><height>${sideText(random, SIZE.height)}</height>`;
  return `<annotation><filename>${nameText(random)}</filename><size>${sides}</size>${objects.join("")}</annotation>`;
}
