import { type CodecName, type DecodeOptions, decodeImage, decodeLabelMap } from "../images/decode.js";
import { type CocoSegmentation, segmentationToRle } from "../masks/coco.js";
import { IGNORED_LABEL, type Image, type LabelMap } from "../pixels/image.js";
import { labelsKernel } from "../pixels/kernels.js";
import { DataFault } from "./fault.js";
import { metaOf } from "./meta.js";
import type { Instances, LabelMapSource, Sample, SampleSource } from "./types.js";
import { setWork } from "./work.js";

export interface LoadSampleOptions {
  readonly codec?: CodecName | "auto";
  /** Draw the objects' masks; default true. */
  readonly masks?: boolean;
  /** See `DecodeOptions`. */
  readonly atLeast?: NonNullable<DecodeOptions["atLeast"]>;
}

/**
 * Decodes a sample. Masks are drawn here once, at the original size, as run lengths: transforming those costs a few
 * operations per column, less than drawing polygons again after each transform, and the reference trains on the same
 * masks.
 *
 * @throws UserError naming the file when it cannot be decoded or its size is not the annotation's
 */
export async function loadSample(source: SampleSource, options: LoadSampleOptions = {}): Promise<Sample> {
  const { info, path } = source;
  const [image, labelMap] = await Promise.all([
    decodeImage(path, options),
    source.labelMap === undefined ? undefined : loadLabelMap(source.labelMap),
  ]);
  const { width, height } = image;
  if (labelMap !== undefined) checkSize(path, image, labelMap, `its label map ${source.labelMap?.path}`);
  if ("width" in info) checkSize(path, image, info, "its annotation");
  return {
    image,
    meta: metaOf(info, image),
    ...(source.instances === undefined ? {} : { instances: drawMasks(source, options.masks ?? true, height, width) }),
    ...(labelMap === undefined ? {} : { labelMap }),
    ...(source.label === undefined ? {} : { label: source.label }),
  };
}

/** The objects of a source, with their masks drawn at height × width if `masks` is true. */
export function drawMasks(source: SampleSource, masks: boolean, height: number, width: number): Instances {
  if (source.instances === undefined) throw new RangeError(`${source.path} has no objects annotated`);
  const { shapes, ...rest } = source.instances;
  const work = setWork();
  work.addFile(shapes.reduce((sum, shape) => sum + numbersOf(shape), 0));
  work.addImage({ height, width });
  return {
    ...rest,
    masks: shapes.map((shape, i) => {
      if (shape === undefined || !masks) return undefined;
      return segmentationToRle(shape, height, width, `${source.info.file}: annotation ${rest.ids[i]}`, work);
    }),
  };
}

/** The least number of bytes that a shape takes in its file. */
function numbersOf(shape: CocoSegmentation | undefined): number {
  return shape === undefined || "size" in shape ? 0 : shape.reduce((sum, polygon) => sum + 2 * polygon.length, 0);
}

/**
 * Decodes a label map to contiguous classes, 255 being "ignored".
 *
 * @throws UserError naming the file and the value where a label is out of range
 */
export async function loadLabelMap(source: LabelMapSource): Promise<LabelMap> {
  const map = await decodeLabelMap(source.path);
  const data = labelsKernel(map.data, labelTable(source));
  if (data === undefined) throw strayLabels(map, source)[0]!.fault;
  return { ...map, data };
}

/** [256] the class of each stored value: 255 where it is ignored, −1 where it is out of range. */
export function labelTable({ classCount, reduceZeroLabel, ignoreLabel }: Omit<LabelMapSource, "path">): Int16Array {
  const first = reduceZeroLabel ? 1 : 0;
  return Int16Array.from({ length: 256 }, (_, value) => {
    if (value === ignoreLabel || value < first) return IGNORED_LABEL;
    return value - first < classCount ? value - first : -1;
  });
}

/**
 * Stored values that are not classes, each with the fault to report and the number of its pixels, in order of
 * occurrence.
 */
export function strayLabels(
  map: LabelMap,
  source: LabelMapSource,
): { readonly fault: DataFault; readonly pixels: number }[] {
  const { path, classCount, reduceZeroLabel, ignoreLabel } = source;
  const table = labelTable(source);
  const pixels = new Map<number, number>();
  const firsts = new Map<number, number>();
  for (let i = 0; i < map.data.length; i++) {
    const value = map.data[i]!;
    if (table[value]! >= 0) continue;
    if (!firsts.has(value)) firsts.set(value, i);
    pixels.set(value, (pixels.get(value) ?? 0) + 1);
  }
  const first = reduceZeroLabel ? 1 : 0;
  const zero = reduceZeroLabel ? ", 0 being ignored" : "";
  const last = classCount - 1 + first;
  const labels =
    classCount === 1 ? `the only class has label ${first}` : `${classCount} classes have labels ${first}–${last}`;
  return Array.from(firsts, ([value, i]) => ({
    pixels: pixels.get(value)!,
    fault: new DataFault(
      "label",
      { file: path },
      `label ${value} at x = ${i % map.width}, y = ${Math.floor(i / map.width)} is out of range: ` +
        `${labels}${zero}, and ${ignoreLabel} for ignored pixels; ` +
        "check the class list, reduceZeroLabel and ignoreLabel",
    ),
  }));
}

/** @throws UserError when an image does not have the size of its annotation or label map */
export function checkSize(
  path: string,
  image: Pick<Image, "width" | "height">,
  expected: { readonly width: number; readonly height: number },
  other: string,
): void {
  if (image.width === expected.width && image.height === expected.height) return;
  const turned = image.width === expected.height && image.height === expected.width;
  const hint = turned ? "was it annotated without applying its EXIF orientation?" : "do they belong together?";
  throw new DataFault(
    "size",
    { file: path },
    `the image is ${image.width}×${image.height}, ${other} says ${expected.width}×${expected.height}; ${hint}`,
  );
}
