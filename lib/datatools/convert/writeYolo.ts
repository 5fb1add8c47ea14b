import { existsSync } from "node:fs";
import { join, parse as parsePath } from "node:path";
import { stringify } from "yaml";
import { parseYaml, plainOf } from "../../config/tree.js";
import { isImage } from "../../datasets/folders.js";
import { checkSize } from "../../datasets/sample.js";
import { setWork } from "../../datasets/work.js";
import { UserError } from "../../errors.js";
import { checkName, checkPartName, readBytes, readTextFile, writeFileAtomic } from "../../files.js";
import { createTally, type Tally } from "../../formats/objects.js";
import type { ConvertedImage, ConvertedObject, ConvertedSet, Point } from "../../formats/types.js";
import { OTHER_KEYS } from "../../formats/yolo.js";
import { decodeImage } from "../../images/decode.js";
import { segmentationToRle } from "../../masks/coco.js";
import { joinOutlines, traceOutlines } from "../../masks/outlines.js";
import type { SetWork } from "../../masks/work.js";
import { isSamePlace, OutputFolder } from "../../outputFolder.js";

export interface WriteYoloOptions {
  /** The folder of the data set: images/SPLIT, labels/SPLIT and data.yaml go there. */
  readonly output: string;
  /** "boxes": centre and size; "polygons": outlines. */
  readonly shapes: "boxes" | "polygons";
  /** Default "train". */
  readonly split?: string;
  /** Copy the images too; default true. */
  readonly copyImages?: boolean;
  /** Replace what was written of the split before; other splits stay. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onImage?: (done: number, total: number) => void;
}

/**
 * Writes a set as Ultralytics reads it. Crowds are left out, as YOLO has none. Masks stored as pixels become the
 * outlines of their pixels; several outlines of an object become one line that goes there and back between them.
 *
 * @returns what was left out
 * @throws UserError when an object has no mask and polygons are requested, or the output exists
 */
export async function writeYolo(set: ConvertedSet, options: WriteYoloOptions): Promise<readonly string[]> {
  const { split = "train", force } = options;
  checkPartName(split);
  if (OTHER_KEYS.includes(split)) {
    throw new UserError(`"${split}" cannot be a part's name: data.yaml has another use for this key`, 2);
  }
  const [labels, images] = [`labels/${split}/`, `images/${split}/`];
  // Labels may be written beside images that are in their place already.
  const inPlace = await isSamePlace(set.folder, join(options.output, images));
  const names = options.copyImages === false || inPlace ? [labels] : [labels, images];
  const maker = `data convert --to yolo, split ${split},`;
  const output = await OutputFolder.claim({ maker, folder: options.output, names, force });
  const description = await describe(set, options);
  for (const { file, source } of set.images) checkName(file, source ?? set.folder);
  checkStems(set.images);
  const tally = createTally();
  const writing = { ...options, work: setWork(), numbers: new Map(set.classes.map((name, i) => [name, i])) };
  writing.work.addFile(set.bytes ?? 0);
  const inputs = set.images.map(({ file }) => join(set.folder, file));
  await output.fill(inputs, async () => {
    for (const [i, given] of set.images.entries()) {
      options.signal?.throwIfAborted();
      const from = inputs[i]!;
      const image = options.copyImages === false ? given : { ...given, file: await nameToCopy(given, from, tally) };
      const kept = image.objects.filter(({ crowd }) => !crowd);
      tally.add(
        ["crowd left out: YOLO has none", "crowds left out: YOLO has none"],
        image.objects.length - kept.length,
      );
      writing.work.addImage(options.copyImages === false ? undefined : image);
      const lines = kept.map((object) => lineOf(object, image, writing));
      checkName(image.file, image.source ?? set.folder);
      await output.write(labels + withEnding(image.file), lines.map((line) => `${line}\n`).join(""));
      const isCopied = options.copyImages !== false && !(inPlace && image.file === given.file);
      if (isCopied) await output.copy(from, images + image.file);
      options.onImage?.(i + 1, set.images.length);
    }
  });
  await writeFileAtomic(join(options.output, "data.yaml"), description);
  return tally.remarks;
}

/**
 * Decodes an image before it is copied, so that a file that is not an image is reported and not copied. Readers of YOLO
 * go by the extension and skip hidden files: a name that they would skip is completed.
 *
 * @throws UserError when it cannot be decoded or does not have the annotated size
 */
async function nameToCopy({ file, ...annotated }: ConvertedImage, path: string, tally: Tally): Promise<string> {
  const bytes = await readBytes(path);
  checkSize(path, await decodeImage(bytes, { name: path }), annotated, "its annotation");
  if (isImage(file)) return file;
  const { dir, base } = parsePath(file);
  const shown = base.replace(/^\.+/, "");
  const name = isImage(shown) ? shown : `${shown}.${endingOf(bytes)}`;
  tally.name(
    ["image renamed so that YOLO readers find it", "images renamed so that YOLO readers find them"],
    `${file} → ${name}`,
  );
  return dir === "" ? name : `${dir}/${name}`;
}

/** The extension according to the first bytes. */
function endingOf(bytes: Buffer): string {
  const start = bytes.toString("latin1", 0, 12);
  if (start.startsWith("\x89PNG")) return "png";
  if (start.startsWith("GIF8")) return "gif";
  if (start.startsWith("RIFF")) return "webp";
  if (start.startsWith("II*") || start.startsWith("MM\0*")) return "tif";
  if (start.startsWith("BM")) return "bmp";
  return start.slice(4, 8) === "ftyp" ? "avif" : "jpg";
}

const withEnding = (file: string): string => file.replace(/(\.[^./]*)?$/, ".txt");

function checkStems(images: readonly ConvertedImage[]): void {
  const seen = new Map<string, string>();
  for (const { file } of images) {
    const other = seen.get(withEnding(file));
    if (other !== undefined) {
      throw new UserError(`${other} and ${file} would share one label file, ${withEnding(file)}; rename one of them`);
    }
    seen.set(withEnding(file), file);
  }
}

/** The data.yaml; an existing one keeps its other splits if its names are the same. */
async function describe({ classes }: ConvertedSet, { output, split = "train" }: WriteYoloOptions): Promise<string> {
  const path = join(output, "data.yaml");
  const names = Object.fromEntries(classes.map((name, i) => [i, name]));
  const old: unknown = existsSync(path) ? plainOf(parseYaml(await readTextFile(path), path, output)) : {};
  const kept = typeof old === "object" && old !== null ? old : {};
  if ("names" in kept && JSON.stringify(kept.names) !== JSON.stringify(names)) {
    throw new UserError(`${path}: its names are not these: ${classes.join(", ")}; write to another folder`);
  }
  // Without a path, Ultralytics takes the file's own folder; a relative one would be relative to where it runs.
  return stringify({ ...kept, [split]: `images/${split}`, names: new Map(classes.map((name, i) => [i, name])) });
}

interface Writing extends Pick<WriteYoloOptions, "shapes"> {
  /** The numbers of the classes. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly work: SetWork;
}

function lineOf(
  { label, bbox, segmentation, source }: ConvertedObject,
  { width, height, file }: ConvertedImage,
  { numbers, shapes, work }: Writing,
): string {
  const [x, y, w, h] = bbox;
  const index = numbers.get(label);
  const where = source ?? file;
  if (shapes === "boxes") {
    return [index, ...[(x + w / 2) / width, (y + h / 2) / height, w / width, h / height].map(fraction)].join(" ");
  }
  if (segmentation === undefined) {
    throw new UserError(
      `${where}: an object of the class "${label}" (bbox ${bbox.join(", ")}) has no mask; write boxes with --to yolo`,
    );
  }
  const outlines =
    "size" in segmentation
      ? traceOutlines(segmentationToRle(segmentation, height, width, where), where, work)
      : segmentation.map(pointsOf);
  const points = joinOutlines(outlines, where, work).flatMap(([px, py]) => [px / width, py / height]);
  return [index, ...points.map(fraction)].join(" ");
}

function pointsOf(polygon: readonly number[]): Point[] {
  return Array.from({ length: polygon.length / 2 }, (_, i) => [polygon[2 * i]!, polygon[2 * i + 1]!]);
}

/**
 * Clipped to 0–1, because readers refuse other values; with eight decimals, the error is a negligible part of a pixel
 * even in the largest images.
 */
function fraction(value: number): string {
  return String(Number(Math.min(Math.max(value, 0), 1).toFixed(8)));
}
