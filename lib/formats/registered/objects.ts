import { checkSegmentation } from "../../datasets/cocoChecks.js";
import type { ItemObject } from "../../datasets/sets/kind.js";
import { setWork } from "../../datasets/work.js";
import { UserError } from "../../errors.js";
import { readImageSize } from "../../images/decode.js";
import { type CocoSegmentation, segmentationToRle } from "../../masks/coco.js";
import { encodeRle } from "../../masks/rle.js";
import type { LabelMap, Size } from "../../pixels/image.js";
import { inCommonFolder } from "../files.js";
import { boxObject, createTally, maskObject, polygonObject, type Reading } from "../objects.js";
import type { ConvertedObject, ConvertedSet, Point } from "../types.js";
import { checkClass, isBitmap, openRegistered, type RegisteredSet } from "./items.js";
import { imageFile } from "./pixels.js";

/** Reads a whole set of objects. @throws UserError that names the data set and the item that is wrong */
export async function readRegistered(from: RegisteredSet): Promise<ConvertedSet> {
  const set = await openRegistered(from, "detection");
  const reading = { tally: createTally(), work: setWork() };
  const read = await set.each(async ({ image, objects }) => {
    const path = await imageFile(image);
    const size = typeof image === "string" ? await readImageSize(path) : image;
    reading.work.addFile(objects.reduce((sum, object) => sum + bytesOf(object), 0));
    reading.work.addImage();
    const made = objects.flatMap((object, i) => objectOf(object, size, `object ${i}`, set.classes, reading) ?? []);
    return { path, size: { width: size.width, height: size.height }, objects: made };
  });
  const { folder, files } = inCommonFolder(read.map(({ path }) => path));
  const images = read.map(({ size, objects }, index) => ({
    file: files[index]!,
    source: `${from.input}: item ${index}`,
    ...size,
    objects,
  }));
  return { classes: set.classes, images, folder, remarks: reading.tally.remarks };
}

/** The least that a file with its mask would have. */
function bytesOf({ mask }: ItemObject): number {
  if (mask === undefined) return 0;
  if (isBitmap(mask, 1)) return mask.data.length;
  return "counts" in mask ? mask.counts.length : mask.reduce((sum, polygon) => sum + 2 * polygon.length, 0);
}

/** Undefined, after tallying it, if nothing of it is in the image. */
function objectOf(
  { label, box, mask, crowd = false }: ItemObject,
  size: Size,
  where: string,
  classes: readonly string[],
  reading: Reading,
): ConvertedObject | undefined {
  checkClass(label, classes, where);
  const boxed = box && boxObject(label, cornersOf(box), size, where, reading.tally);
  if (mask === undefined) {
    if (box === undefined) throw new UserError(`${where}: it has neither a box nor a mask`);
    return boxed && { ...boxed, crowd };
  }
  const masked = maskedObject(label, mask, size, where, reading);
  return masked && { ...masked, ...(boxed && { bbox: boxed.bbox }), crowd };
}

const cornersOf = ([x, y, width, height]: NonNullable<ItemObject["box"]>) => [x, y, x + width, y + height] as const;

function maskedObject(
  label: string,
  mask: CocoSegmentation | LabelMap,
  size: Size,
  where: string,
  reading: Reading,
): ConvertedObject | undefined {
  const { width, height } = size;
  if (isBitmap(mask, 1)) {
    if (mask.width === width && mask.height === height) {
      return maskObject(label, encodeRle(mask.data, height, width), where, reading);
    }
    throw new UserError(`${where}: its mask is ${mask.width}×${mask.height}, its image ${width}×${height}`);
  }
  const shape = checkSegmentation(mask, { id: 0, file: "", width, height }, { file: where });
  if (shape === undefined) throw new UserError(`${where}: its mask has no polygon`);
  if ("size" in shape) {
    return maskObject(label, segmentationToRle(shape, height, width, where, reading.work), where, reading);
  }
  return polygonObject(label, shape.map(pointsOf), size, where, reading);
}

const pointsOf = (polygon: readonly number[]): Point[] =>
  Array.from({ length: polygon.length / 2 }, (_, i): Point => [polygon[2 * i]!, polygon[2 * i + 1]!]);
