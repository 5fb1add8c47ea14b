import { z } from "zod";
import { count, filePath, flag } from "../../schemas/fields.js";
import { channel, classNames, limit, type Objects, type SetSchema, setSchema, splits } from "./keys.js";

const cocoSplit = z.strictObject({
  annotations: filePath("COCO instances JSON"),
  images: filePath("Folder that its file names are relative to"),
  limit,
});

const coco = { type: z.literal("coco"), ...splits(cocoSplit) };
export interface CocoData extends SetSchema<typeof coco, Objects> {}

const yoloSplit = (split: string) =>
  z.strictObject({
    annotations: filePath("data.yaml of the data set, or the folder with it"),
    split: z.string().min(1).default(split).describe("Key of the data.yaml that lists the images"),
    limit,
  });

const yolo = {
  type: z.literal("yolo"),
  train: yoloSplit("train").describe("The training set"),
  val: yoloSplit("val").describe("The validation set"),
  clip: flag(
    "Coordinates more than 0.001 of a side outside the image are clipped; without it, they are errors",
  ).default(false),
};
export interface YoloData extends SetSchema<typeof yolo, Objects> {}

const vocSplit = z.strictObject({
  annotations: filePath("Folder of the XML files, or the one above it, with Annotations and JPEGImages"),
  images: filePath("Folder of the images; without it, JPEGImages beside the XML files, or their own").exactOptional(),
  list: filePath("Names to take, one per line, as ImageSets/Main/train.txt; without it, all").exactOptional(),
  limit,
});

const voc = {
  type: z.literal("voc"),
  ...splits(vocSplit),
  corners: z
    .enum(["pixels", "edges"])
    .default("pixels")
    .describe("pixels: corners are the first and last pixel, from 1, as in VOC; edges: borders from 0, as LabelImg's"),
  difficult: z
    .enum(["keep", "crowd", "drop"])
    .default("keep")
    .describe("Objects marked difficult; crowd: neither trained on nor judged"),
};
export interface VocData extends SetSchema<typeof voc, Objects> {}

const labelmeSplit = z.strictObject({
  annotations: filePath("Folder of the JSON files"),
  images: filePath("Folder of the images; without it, the JSON files'").exactOptional(),
  limit,
});

const labelme = { type: z.literal("labelme"), ...splits(labelmeSplit) };
export interface LabelmeData extends SetSchema<typeof labelme, Objects> {}

const cvatSplit = z.strictObject({
  annotations: filePath('XML file of an export "CVAT for images 1.1"'),
  images: filePath("Folder of the images; without it, images beside the file, or its own").exactOptional(),
  limit,
});

const cvat = { type: z.literal("cvat"), ...splits(cvatSplit) };
export interface CvatData extends SetSchema<typeof cvat, Objects> {}

const masksSplit = z.strictObject({
  annotations: filePath("Folder of the PNGs"),
  images: filePath("Folder of the images"),
  classMaps: filePath("Of layout instances: folder of PNGs with the class of each pixel").exactOptional(),
  limit,
});

const masks = {
  type: z.literal("masks"),
  ...splits(masksSplit),
  layout: z
    .enum(["instances", "objects", "classes"])
    .describe(
      "instances: pixels are object numbers; objects: one PNG per object; classes: pixels are classes, each connected region an object",
    ),
  names: classNames
    .exactOptional()
    .describe("Names of the labels, the first that of 0; or of the one class that all objects have"),
  objectInfo: filePath("Instead of names: table of class names like ADE20K's").exactOptional(),
  reduceZeroLabel: flag("Label 0 has no name, the first name is that of 1").default(false),
  ignoreLabel: channel.default(255).describe("Pixels of this value in 8-bit PNGs belong to no object"),
  classDivisor: count("Of layout instances: the class is the pixel's value divided by this").exactOptional(),
  suffix: z.string().min(1).default(".png").describe("What follows an image's name in its PNG's"),
  pattern: z
    .string()
    .min(1)
    .exactOptional()
    .describe('Of layout objects: regular expression with groups "image" and "class" for the PNGs\' names'),
  minArea: count("Objects with fewer pixels are left out").default(1),
};
export interface MasksData extends SetSchema<typeof masks, Objects> {}

/** Sets of objects, by their format. @param own the keys that all have, the same for all, so that the JSON Schema has them once */
export function formats(own: Objects): [CocoData, YoloData, VocData, LabelmeData, CvatData, MasksData] {
  return [
    setSchema(coco, own),
    setSchema(yolo, own),
    setSchema(voc, own),
    setSchema(labelme, own),
    setSchema(cvat, own),
    setSchema(masks, own),
  ];
}
