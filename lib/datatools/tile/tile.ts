import { basename, dirname, extname, join } from "node:path";
import { readCocoFile } from "../../datasets/cocoFile.js";
import { placeName } from "../../datasets/fault.js";
import { labelTable } from "../../datasets/sample.js";
import type { ImageInfo, SampleSource } from "../../datasets/types.js";
import { setWork } from "../../datasets/work.js";
import { UserError } from "../../errors.js";
import { checkName } from "../../files.js";
import { cocoFileParts } from "../../formats/cocoFileParts.js";
import { decodeImage, decodeLabelMap } from "../../images/decode.js";
import { encodeIndexedPng, encodeJpeg, encodePng } from "../../images/encode.js";
import { segmentationToRle } from "../../masks/coco.js";
import { COST, type Work } from "../../masks/work.js";
import { OutputFolder } from "../../outputFolder.js";
import { cropImage, cropLabelMap } from "../../pixels/geometry.js";
import { IGNORED_LABEL, type Image, type Window } from "../../pixels/image.js";
import type { ProgressEvent } from "../../progress.js";
import { type CocoSource, type DataSource, type LabelMapsSource, openSource } from "../../tasks/sources.js";
import { denseSource } from "../dense.js";
import { copyClassTable, filesOf } from "../split/split.js";
import { clipObject, type TileObject } from "./clip.js";
import { planTiles } from "./plan.js";
import { type TileGrid, tileWindows } from "./windows.js";

/** The data set that `tileData` cuts, and the tiles. */
export interface TileOptions extends Omit<TileGrid, "overlap"> {
  /** The smallest overlap of neighbours, in pixels; default an eighth of the tile's shorter side. */
  readonly overlap?: number;
  readonly source: DataSource;
  /** The folder: images/ and instances.json go there, or images/ and annotations/. */
  readonly output: string;
  /** A tile leaves out objects of which it has a smaller share than this, except crowds. Default 0.3. */
  readonly minVisible?: number;
  /** Leave out tiles without an object, or without a labelled pixel; default false. */
  readonly dropEmpty?: boolean;
  /** Quality of JPEG tiles, 1–100; default 95. Tiles of other images are PNGs. */
  readonly quality?: number;
  /** Replace the tiles that were cut into the folder before. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

/** What `tileData` wrote. */
export interface TileResult {
  readonly output: string;
  readonly images: number;
  readonly tiles: number;
  readonly emptyLeftOut: number;
  /** For COCO: objects in tiles; one that is in several tiles counts in each. */
  readonly objects?: number;
  /** For COCO: parts left out because their share of the object was too small. */
  readonly partsLeftOut?: number;
}

/**
 * Cuts images into overlapping tiles with their annotations: polygons and boxes are clipped, run lengths and label maps
 * cut out.
 *
 * @throws UserError for an invalid grid, an output that exists, and like the readers
 */
export async function tileData(options: TileOptions): Promise<TileResult> {
  const { width, height, minVisible = 0.3 } = options;
  const overlap = options.overlap ?? Math.floor(Math.min(width, height) / 8);
  if (overlap < 0 || overlap >= Math.min(width, height)) {
    throw new UserError(
      `an overlap of ${overlap} does not fit tiles of ${width} × ${height}; it must be less than ${Math.min(width, height)}`,
      2,
    );
  }
  if (!(minVisible >= 0 && minVisible <= 1))
    throw new UserError(`the minimum visible share must lie in 0–1, not ${minVisible}`, 2);
  const source = denseSource(options.source, "tile");
  const complete = { ...options, overlap };
  return source.kind === "coco" ? tileCoco(source, complete) : tileLabelMaps(source, complete);
}

/** One for both kinds, so that tiles of one replace those of the other. */
const claim = ({ output, force }: TileOptions, names: readonly string[]): Promise<OutputFolder> =>
  OutputFolder.claim({ maker: "data tile", folder: output, names, force });

async function tileCoco(source: CocoSource, options: TileOptions & TileGrid): Promise<TileResult> {
  const { minVisible = 0.3 } = options;
  const json = "instances.json";
  const output = await claim(options, [json, "images/"]);
  const { others, categories, bytes } = await readCocoFile(source.annotations);
  const dataset = await openSource(source);
  checkTileNames(dataset.images, source.annotations);
  const work = setWork();
  work.addFile(bytes);
  const images: object[] = [];
  const annotations: object[] = [];
  let [emptyLeftOut, partsLeftOut] = [0, 0];
  const nextTile = await planTiles(dataset, options);
  await output.fill(inputsOf(dataset, source), async () => {
    for (let index = 0; index < dataset.length; index++) {
      const { info, image } = await loadImage(dataset.source(index));
      work.addImage(image);
      const objects = objectsOf(dataset.source(index), image, source.annotations, work);
      for (const window of tileWindows(image, options)) {
        await nextTile();
        const parts = objects.flatMap((object) => {
          const clipped = clipObject(object, window, work);
          if (clipped === undefined) return [];
          if (!object.crowd && clipped.visible < minVisible) {
            partsLeftOut++;
            return [];
          }
          work.spend(COST.keptObject, object.where);
          return [{ ...object, ...clipped }];
        });
        if (parts.length === 0 && options.dropEmpty === true) {
          emptyLeftOut++;
          continue;
        }
        const file = await writeTile(image, window, info.file, output, options);
        const { left, top, width, height } = window;
        const id = images.length + 1;
        images.push({
          id,
          file_name: file,
          width,
          height,
          tile: { image_id: info.id, file_name: info.file, x: left, y: top },
        });
        for (const { bbox, segmentation, area, crowd, label } of parts) {
          const category = dataset.categoryIds[label];
          annotations.push({
            id: annotations.length + 1,
            image_id: id,
            category_id: category,
            bbox,
            area,
            iscrowd: Number(crowd),
            segmentation,
          });
        }
      }
    }
    checkAny(images.length, source.annotations);
    await output.write(json, cocoFileParts({ ...others, images, annotations, categories: categories as object[] }));
  });
  return {
    output: options.output,
    images: dataset.length,
    tiles: images.length,
    emptyLeftOut,
    objects: annotations.length,
    partsLeftOut,
  };
}

function* inputsOf(dataset: Parameters<typeof filesOf>[0], { annotations }: CocoSource): Generator<string> {
  yield annotations;
  yield* filesOf(dataset);
}

async function loadImage({ info, path }: SampleSource) {
  const image = await decodeImage(path);
  if ("width" in info && (info.width !== image.width || info.height !== image.height)) {
    const found = `${image.width}×${image.height}`;
    throw new UserError(`${path}: the image is ${found}, its annotation says ${info.width}×${info.height}`);
  }
  return { info, image };
}

function objectsOf(
  { instances, info }: SampleSource,
  { width, height }: Image,
  file: string,
  work: Work,
): (TileObject & { label: number })[] {
  if (instances === undefined) return [];
  const { boxes, labels, crowd, areas, ids, shapes } = instances;
  return Array.from(labels, (label, i) => {
    const shape = shapes[i];
    const where = placeName({ file, entry: `annotation ${ids[i]} of ${info.file}` });
    return {
      label,
      where,
      box: boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number],
      area: areas[i]!,
      crowd: crowd[i] === 1,
      ...(shape !== undefined && { shape, mask: segmentationToRle(shape, height, width, where, work) }),
    };
  });
}

async function tileLabelMaps(source: LabelMapsSource, options: TileOptions & TileGrid): Promise<TileResult> {
  const output = await claim(options, ["images/", "annotations/"]);
  const dataset = await openSource(source);
  checkTileNames(dataset.images, source.images);
  const suffix = source.labelSuffix ?? ".png";
  const palette = source.reduceZeroLabel === true ? [[0, 0, 0] as const, ...dataset.palette] : dataset.palette;
  let [tiles, emptyLeftOut] = [0, 0];
  const nextTile = await planTiles(dataset, options);
  await output.fill(filesOf(dataset), async () => {
    await copyClassTable(source, output);
    for (let index = 0; index < dataset.length; index++) {
      await dataset.load(index); // checks sizes and labels
      const { labelMap, info, path } = dataset.source(index);
      const image = await decodeImage(path);
      const map = await decodeLabelMap(labelMap!.path); // as stored, not reduced
      const table = labelTable(labelMap!);
      for (const window of tileWindows(image, options)) {
        await nextTile();
        const part = cropLabelMap(map, window);
        if (options.dropEmpty === true && part.data.every((value) => table[value] === IGNORED_LABEL)) {
          emptyLeftOut++;
          continue;
        }
        const file = await writeTile(image, window, info.file, output, options);
        await output.write(`annotations/${file.replace(/\.[^.]*$/, suffix)}`, encodeIndexedPng(part, palette));
        tiles++;
      }
    }
    checkAny(tiles, source.labelMaps);
  });
  return { output: options.output, images: dataset.length, tiles, emptyLeftOut };
}

function checkAny(tiles: number, where: string): void {
  if (tiles === 0) throw new UserError(`${where}: no tile has annotations; nothing was written`);
}

/**
 * Called before anything is written.
 *
 * @throws UserError for names that lead out of the folder, or two that become the same
 */
function checkTileNames(images: readonly ImageInfo[], source: string): void {
  const seen = new Map<string, string>();
  for (const { id, file } of images) {
    const where = placeName({ file: source, entry: `image ${id}` });
    checkName(file, where);
    const name = tileName(file, { left: 0, top: 0 });
    const other = seen.get(name);
    if (other !== undefined && other !== file) {
      throw new UserError(`${where}: tiles of ${other} and ${file} would have the same names; rename one of them`);
    }
    seen.set(name, file);
  }
}

function tileName(file: string, { left, top }: Pick<Window, "left" | "top">): string {
  const stem = basename(file, extname(file));
  return join(dirname(file), `${stem}_${left}_${top}${isJpeg(file) ? ".jpg" : ".png"}`);
}

const isJpeg = (file: string): boolean => /^\.jpe?g$/i.test(extname(file));

/** NAME_LEFT_TOP.jpg from a JPEG, otherwise a PNG. @returns the name relative to images/ */
async function writeTile(image: Image, window: Window, file: string, output: OutputFolder, options: TileOptions) {
  const name = tileName(file, window);
  const part = cropImage(image, window);
  const { quality = 95 } = options;
  await output.write(join("images", name), isJpeg(file) ? await encodeJpeg(part, { quality }) : await encodePng(part));
  return name;
}
