import { join } from "node:path";
import { UserError } from "../errors.js";
import { counted } from "../words.js";
import { readCocoFile } from "./cocoFile.js";
import { type CocoRecord, readRecords } from "./cocoRecords.js";
import { checkFilesExist } from "./folders.js";
import { drawMasks, loadSample } from "./sample.js";
import type { DetectionDataset, DetectionReport, SampleSource } from "./types.js";

export interface CocoOptions {
  /** The JSON file. */
  readonly annotations: string;
  /** The folder that file names are relative to. */
  readonly images: string;
  /**
   * Category names in the order of the class indices; default all in the file, by id. Other categories are left out.
   */
  readonly classes?: readonly string[];
  /** Leave out images without any object that is not a crowd; default false: they are trained on as negatives. */
  readonly dropEmpty?: boolean;
  /** What was left out or corrected when the file was made from another format. */
  readonly conversion?: readonly string[];
}

/**
 * Opens a COCO instance file: polygons, run lengths as lists or strings, crowds, any category ids. Boxes are clipped
 * to their images; what was clipped or left out is counted in `report`. Masks are drawn when asked for.
 *
 * @throws UserError naming the file and the annotation or image id for anything malformed, a missing image file or
 *   an empty data set
 */
export async function openCoco(options: CocoOptions): Promise<DetectionDataset> {
  const file = await readCocoFile(options.annotations);
  const { records, classes, categoryIds, counts } = readRecords(file, options.annotations, options.classes);
  const kept = options.dropEmpty === true ? records.filter(hasObjects) : records;
  if (kept.length === 0) {
    const reason = records.length === 0 ? "it lists no images" : "no image has an object of the classes chosen";
    throw new UserError(`${options.annotations}: the data set is empty: ${reason}`);
  }
  await checkFilesExist(options.images, kept, options.annotations);
  const { conversion = [] } = options;
  const report = { ...makeReport(kept, counts), ...(conversion.length > 0 && { conversion }) };
  const singles = report.objects - report.crowds;
  const sourceAt = (index: number): SampleSource => sourceOf(recordAt(kept, index), options.images);
  return {
    kind: "detection",
    annotations: options.annotations,
    classes,
    categoryIds,
    length: kept.length,
    images: kept.map(({ id, file, width, height }) => ({ id, file, width, height })),
    report,
    hasMasks: singles === 0 || report.singlesWithoutMask < singles,
    source: sourceAt,
    load: (index) => loadSample(sourceAt(index)),
    instances(index) {
      const { width, height } = recordAt(kept, index);
      return drawMasks(sourceAt(index), true, height, width);
    },
  };
}

/** A sentence for the user on what was corrected or left out; undefined if nothing was. */
export function describeReport(report: DetectionReport): string | undefined {
  const parts = [
    [
      report.clippedBoxes,
      "box reached outside its image and was",
      "boxes reached outside their images and were",
      "clipped",
    ],
    [
      report.degenerateBoxes,
      "object with a box thinner than a pixel was",
      "objects with boxes thinner than a pixel were",
      "left out",
    ],
    [report.otherClasses, "object of a class not chosen was", "objects of classes not chosen were", "left out"],
  ] as const;
  const told = parts
    .filter(([count]) => count > 0)
    .map(([count, one, many, what]) => `${counted(count, one, many)} ${what}`);
  const all = [...(report.conversion ?? []), ...told];
  return all.length === 0 ? undefined : all.join("; ");
}

function recordAt(records: readonly CocoRecord[], index: number): CocoRecord {
  const record = records[index];
  if (record === undefined) throw new RangeError(`no image ${index} in a data set of ${records.length}`);
  return record;
}

function sourceOf(record: CocoRecord, folder: string): SampleSource {
  const { id, file, width, height, ...instances } = record;
  return { info: { id, file, width, height }, path: join(folder, file), instances };
}

const hasObjects = ({ crowd }: CocoRecord): boolean => crowd.includes(0);

function makeReport(
  records: readonly CocoRecord[],
  counts: Pick<DetectionReport, "clippedBoxes" | "degenerateBoxes" | "otherClasses">,
): DetectionReport {
  const sum = (count: (record: CocoRecord) => number): number => records.reduce((total, r) => total + count(r), 0);
  return {
    ...counts,
    images: records.length,
    imagesWithoutObjects: sum((r) => (hasObjects(r) ? 0 : 1)),
    objects: sum((r) => r.labels.length),
    crowds: sum((r) => r.crowd.reduce((a, b) => a + b, 0)),
    withoutMask: sum((r) => r.shapes.filter((shape) => shape === undefined).length),
    singlesWithoutMask: sum((r) => r.shapes.filter((shape, i) => shape === undefined && r.crowd[i] === 0).length),
  };
}
