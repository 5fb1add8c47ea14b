import { join, parse } from "node:path";
import { UserError } from "../errors.js";
import { readLabelMapSize } from "../images/decode.js";
import { ADE20K_PALETTE } from "../images/draw/ade20kPalette.js";
import { type Colour, classPalette } from "../images/draw/palette.js";
import { IGNORED_LABEL } from "../pixels/image.js";
import { counted } from "../words.js";
import { checkFilesExist, listImages, listNames } from "./folders.js";
import { findObjectInfo, readObjectInfo } from "./objectInfo.js";
import { loadLabelMap, loadSample } from "./sample.js";
import type { ImageInfo, LabelMapSource, SampleSource, SegmentationDataset } from "./types.js";

/** An image, by its name in the images folder, and the path of its label map. */
export interface LabelMapPair {
  readonly file: string;
  readonly labelMap: string;
}

export interface LabelMapOptions {
  /** Folder of images; with `ade20kFolders` from a root and a split. */
  readonly images: string;
  /** Folder of PNG label maps with the images' names. */
  readonly labelMaps: string;
  /** The images and their label maps; default all of the two folders. */
  readonly pairs?: readonly LabelMapPair[];
  /** What follows an image's name without extension in its label map's; default ".png". */
  readonly labelSuffix?: string;
  /** Class names in label order; default those of `objectInfo`. */
  readonly classes?: readonly string[];
  /** A table with a Name column, as in ADE20K; default the only objectInfo*.txt above the images folder. */
  readonly objectInfo?: string;
  /**
   * One colour per class, or "ade20k"; default ADE20K's for 150 classes that start with "wall", otherwise generated.
   */
  readonly palette?: readonly Colour[] | "ade20k";
  /** Label 0 is not a class: it is ignored and the others are decreased by one; default false. */
  readonly reduceZeroLabel?: boolean;
  /** The stored label of pixels without a class, 0 to 255; default 255. */
  readonly ignoreLabel?: number;
}

/** The folders of ADE20K's layout: images/<split> and annotations/<split>. */
export function ade20kFolders(root: string, split: string): Pick<LabelMapOptions, "images" | "labelMaps"> {
  return { images: join(root, "images", split), labelMaps: join(root, "annotations", split) };
}

/**
 * Opens a folder of images with a folder of label maps.
 *
 * @throws UserError for an empty split, an image without label map, a missing class list; when loading, for a label out
 *   of range, naming file and value
 */
export async function openLabelMaps(options: LabelMapOptions): Promise<SegmentationDataset> {
  const classes = await chooseClasses(options);
  const pairs = options.pairs ?? (await listPairs(options));
  const images: ImageInfo[] = [];
  for (const [i, { file, labelMap }] of pairs.entries()) {
    images.push({ id: i + 1, file, ...(await readLabelMapSize(labelMap)) });
  }
  if (options.pairs !== undefined) await checkFilesExist(options.images, images, options.labelMaps);
  const source = (index: number): SampleSource & { labelMap: NonNullable<SampleSource["labelMap"]> } => {
    const info = images[index];
    if (info === undefined) throw new RangeError(`no image ${index} in a data set of ${images.length}`);
    const labelMap = { path: pairs[index]!.labelMap, ...labelRule(options, classes.length) };
    return { info, path: join(options.images, info.file), labelMap };
  };
  return {
    kind: "segmentation",
    classes,
    palette: choosePalette(classes, options.palette),
    length: images.length,
    images,
    source,
    load: (index) => loadSample(source(index)),
    loadLabelMap: (index) => loadLabelMap(source(index).labelMap),
  };
}

async function listPairs(options: LabelMapOptions): Promise<LabelMapPair[]> {
  const files = await listImages(options.images);
  if (files.length === 0) throw new UserError(`${options.images}: there are no images in this folder`);
  const suffix = options.labelSuffix ?? ".png";
  const present = new Set(await listNames(options.labelMaps));
  return files.map((file) => {
    const name = parse(file).name + suffix;
    const labelMap = join(options.labelMaps, name);
    if (present.has(name)) return { file, labelMap };
    throw new UserError(
      `${join(options.images, file)}: its label map ${labelMap} is missing; check labelMaps and labelSuffix`,
    );
  });
}

/** How to read stored labels. */
export function labelRule(
  { reduceZeroLabel = false, ignoreLabel = IGNORED_LABEL }: Pick<LabelMapOptions, "reduceZeroLabel" | "ignoreLabel">,
  classCount: number,
): Omit<LabelMapSource, "path"> {
  return { classCount, reduceZeroLabel, ignoreLabel };
}

/** The class names that the options give or point to. @throws UserError when there are none */
export async function chooseClasses(options: LabelMapOptions): Promise<readonly string[]> {
  const classes =
    options.classes ?? (await readObjectInfo(options.objectInfo ?? (await findObjectInfo(options.images))));
  if (classes.length === 0) throw new UserError("the class list is empty");
  if (classes.length > 255) throw new UserError(`label maps of 8 bits hold at most 255 classes, not ${classes.length}`);
  return classes;
}

function choosePalette(classes: readonly string[], palette: LabelMapOptions["palette"]): readonly Colour[] {
  if (palette === undefined) {
    const isAde = classes.length === ADE20K_PALETTE.length && classes[0] === "wall";
    return isAde ? ADE20K_PALETTE : classPalette(classes.length);
  }
  const colours = palette === "ade20k" ? ADE20K_PALETTE : palette;
  if (colours.length < classes.length) {
    throw new UserError(
      `the palette has ${counted(colours.length, "colour")} for ${counted(classes.length, "class", "classes")}`,
    );
  }
  return colours.slice(0, classes.length);
}
