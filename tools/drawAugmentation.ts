// Draws docs/augmentation.jpg, every transform on images of the quick start: node dist/tools/drawAugmentation.js

import { fileURLToPath } from "node:url";
import { augmentedSample } from "../lib/datasets/augment.js";
import { openCoco } from "../lib/datasets/coco.js";
import type { TransformInput } from "../lib/datasets/transforms/index.js";
import type { Sample } from "../lib/datasets/types.js";
import { writeFileAtomic } from "../lib/files.js";
import { drawInstances } from "../lib/images/draw/instances.js";
import { drawSheet, type SheetRow } from "../lib/images/draw/sheet.js";
import { encodeJpeg } from "../lib/images/encode.js";
import { padImage } from "../lib/pixels/geometry.js";
import type { Image } from "../lib/pixels/image.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const WIDE = { width: 320, height: 240 };
const fit: TransformInput = { type: "resize", scale: [320, 240] };

/** The title of each row, and its transforms. */
const ROWS: readonly (readonly [title: string, ...steps: TransformInput[]])[] = [
  ["resize, as it is", fit],
  ["randomFlip, horizontal; then vertical", fit, { type: "randomFlip" }, { type: "randomFlip", direction: "vertical" }],
  ["randomResize, scales 320×120 to 320×240, range", { type: "randomResize", scales: [[320, 120], [320, 240]], sampling: "range" }], // biome-ignore format: one row each
  ["largeScaleJitter, 0.3–2", { type: "largeScaleJitter", ...WIDE, ratioRange: [0.3, 2] }],
  ["minIouCrop", fit, { type: "minIouCrop" }],
  ["photometricDistortion", fit, { type: "photometricDistortion" }],
  ["colourJitter, 0.5, 0.5, 0.5, 0.1", fit, { type: "colourJitter", brightness: 0.5, contrast: 0.5, saturation: 0.5, hue: 0.1 }], // biome-ignore format: one row each
  ["randAugment, changes of colour alone, magnitude 15", fit, { type: "randAugment", magnitude: 15, geometric: false }],
  ["randomErasing, noise", fit, { type: "randomErasing", probability: 1, fill: "noise" }],
  ["copyPaste, after largeScaleJitter 0.6–1.4", { type: "largeScaleJitter", ...WIDE, ratioRange: [0.6, 1.4] }, { type: "copyPaste" }], // biome-ignore format: one row each
  ["randomRotation, −40 to 40°", fit, { type: "randomRotation", degrees: [-40, 40] }],
  ["randomAffine", fit, { type: "randomAffine", degrees: [-15, 15], shear: [-10, 10], scale: [0.7, 1.3] }],
  ["gaussianBlur", fit, { type: "gaussianBlur", probability: 1, sigma: [0.5, 3] }],
  ["mixUp", fit, { type: "mixUp", probability: 1 }],
  ["mosaic", { type: "mosaic", width: 320, height: 240 }],
];
const COLUMNS = 5;

const dataset = await openCoco({
  annotations: `${root}examples/quickstart/images/train.json`,
  images: `${root}examples/quickstart/images/train`,
});
const rows: SheetRow[] = [];
for (const [title, ...transforms] of ROWS) {
  const images: Image[] = [];
  for (let seed = 1; seed <= COLUMNS; seed++) {
    const index = (seed * 3) % dataset.length;
    images.push(drawn(await augmentedSample(dataset, index, { transforms, seed })));
  }
  rows.push({ title, images });
}
const sheet = drawSheet(rows, { rowHeight: 150 });
await writeFileAtomic(`${root}docs/augmentation.jpg`, await encodeJpeg(sheet, { quality: 82 }));

/** Scaled to one height; smaller images stay smaller. */
function drawn({ image, instances }: Sample): Image {
  const style = { classes: dataset.classes, labels: false };
  const shown = instances === undefined ? image : drawInstances(image, instances, style);
  return padImage(shown, WIDE, [255, 255, 255]);
}
