import type { Random } from "../../../lib/random.js";
import { annotationTarget } from "../annotations/target.js";
import { damaged, many, nameText, numbers, numberText, pick, SIZE, sideText } from "../annotations/values.js";

export const target = annotationTarget({
  about: "CVAT's XML with shapes of any size and place",
  file: "annotations.xml",
  make: (random) => damaged(fileText(random), random),
  sources: (_, images, input) => [{ format: "cvat", input, images }],
});

function fileText(random: Random): string {
  const shapes = many(random, 4, () => pick(random, SHAPES)(random));
  const sides = `width="${sideText(random, SIZE.width)}" height="${sideText(random, SIZE.height)}"`;
  return (
    "<annotations><meta><task><labels><label><name>cat</name></label></labels></task></meta>" +
    `<image id="0" name="${nameText(random)}" ${sides}>${shapes.join("")}</image></annotations>`
  );
}

const attributes = (random: Random, ...names: string[]): string =>
  names.map((name) => `${name}="${numberText(random).replaceAll('"', "")}"`).join(" ");

const SHAPES: readonly ((random: Random) => string)[] = [
  (random) => `<box label="cat" ${attributes(random, "xtl", "ytl", "xbr", "ybr")}/>`,
  (random) => `<box label="cat" ${attributes(random, "xtl", "ytl", "xbr", "ybr", "rotation")}/>`,
  (random) => `<ellipse label="cat" ${attributes(random, "cx", "cy", "rx", "ry")}/>`,
  (random) => `<ellipse label="cat" group_id="1" ${attributes(random, "cx", "cy", "rx", "ry", "rotation")}/>`,
  (random) => {
    const points = many(random, 6, () => numbers(random, 2).join(",").replaceAll('"', ""));
    return `<polygon label="cat" group_id="${random.integer(3)}" points="${points.join(";")}"/>`;
  },
  (random) => {
    const rle = random.next() < 0.5 ? "0,4,2,2" : numbers(random, 4).join(",").replaceAll('"', "");
    const sides = random.next() < 0.5 ? 'width="4" height="2"' : attributes(random, "width", "height");
    return `<mask label="cat" rle="${rle}" ${attributes(random, "left", "top")} ${sides}/>`;
  },
  () => '<polyline label="cat" points="1,1;2,2"/>',
  () => "<skeleton/>",
];
