import { availableParallelism } from "node:os";
import { join, parse } from "node:path";
import pMap from "p-map";
import { checkSize } from "../../datasets/sample.js";
import { setWork } from "../../datasets/work.js";
import { UserError } from "../../errors.js";
import { safeName, shortened } from "../../fileNames.js";
import { checkName, readBytes } from "../../files.js";
import { createTally, type Words } from "../../formats/objects.js";
import type { ConvertedImage, ConvertedObject, ConvertedSet } from "../../formats/types.js";
import { decodeImage } from "../../images/decode.js";
import { encodeJpeg, encodePng } from "../../images/encode.js";
import { formatOf } from "../../images/formats.js";
import { COST } from "../../masks/work.js";
import { OutputFolder } from "../../outputFolder.js";
import { cropImage, windowOfBox } from "../../pixels/geometry.js";
import type { Window } from "../../pixels/image.js";
import { classFolders } from "./classFolders.js";

export interface WriteClassesOptions {
  /** The folder: OUTPUT/CLASS/NAME-IMAGE-OBJECT.png go there, the numbers from 1. */
  readonly output: string;
  /** The margin cut out around a box on each side, as a share of the box's side, within the image; default 0. */
  readonly margin?: number;
  /** Boxes with a shorter side, in pixels, are left out; default 1. */
  readonly minSide?: number;
  /** Quality of crops of JPEGs, 1–100; default 95. Crops of other images are PNGs. */
  readonly quality?: number;
  /** Replace the crops that were written into the folder before. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onImage?: (done: number, total: number) => void;
}

/** What happened to a set's objects. */
export interface CropCounts {
  readonly written: number;
  /** Class → crops. */
  readonly classes: Readonly<Record<string, number>>;
  /** Left out: not single objects. */
  readonly crowds: number;
  /** Left out: a side is below `minSide`. */
  readonly small: number;
}

const CROWDS: Words = ["crowd left out: not a single object", "crowds left out: not single objects"];
const EMPTY: Words = ["class without crops, so without a folder", "classes without crops, so without a folder"];
const smallBoxes = (minSide: number): Words => [
  `box with a side below ${minSide} pixels left out`,
  `boxes with a side below ${minSide} pixels left out`,
];

/**
 * Writes class folders: an image for each box. Each image is decoded once, one at a time; images without boxes are not
 * decoded.
 *
 * @returns what was written and left out
 * @throws UserError when an image cannot be decoded, a class has no unique folder name, nothing is left to write, or
 *   the output exists
 */
export async function writeClasses(
  set: ConvertedSet,
  options: WriteClassesOptions,
): Promise<{ readonly counts: CropCounts; readonly remarks: readonly string[] }> {
  const [margin, minSide] = checkNumbers(options);
  const output = await OutputFolder.claim({
    maker: "data convert --crops",
    folder: options.output,
    names: ["/"],
    force: options.force,
  });
  const tally = createTally();
  const folders = classFolders(set.classes, tally);
  for (const { file, source } of set.images) checkName(file, source ?? set.folder);
  const crops = set.images.map((image, i) => cropsOf(image, i, minSide));
  const all = set.images.flatMap(({ objects }) => objects);
  const crowds = all.filter(({ crowd }) => crowd).length;
  const kept = crops.flat();
  const small = all.length - crowds - kept.length;
  tally.add(CROWDS, crowds);
  tally.add(smallBoxes(minSide), small);
  if (kept.length === 0) {
    throw new UserError(`${set.folder}: no boxes are left to crop${tally.remarks.map((text) => `; ${text}`).join("")}`);
  }
  const classes = new Map(set.classes.map((name) => [name, 0]));
  for (const { object } of kept) classes.set(object.label, (classes.get(object.label) ?? 0) + 1);
  for (const [name, count] of classes) if (count === 0) tally.name(EMPTY, name);
  const work = setWork();
  work.addFile(set.bytes ?? 0);
  const paths = set.images.map(({ file }) => join(set.folder, file));
  await output.fill(paths, async () => {
    for (const [i, image] of set.images.entries()) {
      options.signal?.throwIfAborted();
      const own = crops[i]!;
      if (own.length > 0) {
        work.addImage(image);
        for (const { object } of own) {
          work.spend(COST.drawnPixel * object.bbox[2] * object.bbox[3], object.source ?? image.file);
        }
        const files = own.map(({ object, stem }) => join(folders.get(object.label)!, stem));
        const targets = own.map(({ object }, k) => ({
          file: files[k]!,
          window: windowOfBox(object.bbox, image, margin),
        }));
        await writeCrops(image, { path: paths[i]!, targets, output }, options);
      }
      options.onImage?.(i + 1, set.images.length);
    }
  });
  return {
    counts: { written: kept.length, classes: Object.fromEntries(classes), crowds, small },
    remarks: tally.remarks,
  };
}

interface Crop {
  readonly object: ConvertedObject;
  /** The file's name without extension: the numbers at its end make it unique. */
  readonly stem: string;
}

function cropsOf({ file, objects }: ConvertedImage, index: number, minSide: number): Crop[] {
  const name = shortened(safeName(parse(file).name)) || "image";
  return objects.flatMap((object, k) =>
    object.crowd || Math.min(object.bbox[2], object.bbox[3]) < minSide
      ? []
      : [{ object, stem: `${name}-${index + 1}-${k + 1}` }],
  );
}

interface Cut {
  readonly path: string;
  readonly targets: readonly { readonly file: string; readonly window: Window }[];
  readonly output: OutputFolder;
}

async function writeCrops(
  annotated: ConvertedImage,
  { path, targets, output }: Cut,
  { quality = 95, signal }: WriteClassesOptions,
): Promise<void> {
  const bytes = await readBytes(path);
  const image = await decodeImage(bytes, { name: path });
  checkSize(path, image, annotated, "its annotation");
  const jpeg = formatOf(bytes) === "JPEG";
  await pMap(
    targets,
    async ({ file, window }) => {
      signal?.throwIfAborted();
      const part = cropImage(image, window);
      await output.write(
        `${file}.${jpeg ? "jpg" : "png"}`,
        jpeg ? await encodeJpeg(part, { quality }) : await encodePng(part),
      );
    },
    { concurrency: availableParallelism() },
  );
}

function checkNumbers({ margin = 0, minSide = 1, quality = 95 }: WriteClassesOptions): [number, number] {
  if (!(margin >= 0 && Number.isFinite(margin))) {
    throw new UserError(`the margin must be at least 0, a share of the box's side, not ${margin}`, 2);
  }
  if (!(minSide >= 1 && Number.isFinite(minSide))) {
    throw new UserError(`the minimum side must be at least 1 pixel, not ${minSide}`, 2);
  }
  if (!(quality >= 1 && quality <= 100)) throw new UserError(`the quality must lie in 1–100, not ${quality}`, 2);
  return [margin, minSide];
}
