import { readCocoFile } from "../datasets/cocoFile.js";
import type { CocoRecord } from "../datasets/cocoRecords.js";
import { readRecords } from "../datasets/cocoRecords.js";
import { checkFilesExist } from "../datasets/folders.js";
import { UserError } from "../errors.js";
import { CLIPPED, createTally } from "./objects.js";
import type { ConvertedObject, ConvertedSet } from "./types.js";

export interface ReadCocoOptions {
  /** The JSON file. */
  readonly input: string;
  readonly images: string;
  readonly classes?: readonly string[];
}

/** Reads a COCO instance file as strictly as training does. */
export async function readCoco(options: ReadCocoOptions): Promise<ConvertedSet> {
  const file = await readCocoFile(options.input);
  const { records, classes, counts } = readRecords(file, options.input, options.classes);
  if (records.length === 0) throw new UserError(`${options.input}: it lists no images`);
  await checkFilesExist(options.images, records, options.input);
  const tally = createTally();
  tally.add(CLIPPED, counts.clippedBoxes);
  tally.add(
    ["object with a box thinner than a pixel left out", "objects with boxes thinner than a pixel left out"],
    counts.degenerateBoxes,
  );
  tally.add(["object of a class not chosen left out", "objects of classes not chosen left out"], counts.otherClasses);
  const images = records.map((record) => {
    const { file: name, width, height, labels } = record;
    return {
      file: name,
      source: `${options.input}: image ${record.id}`,
      width,
      height,
      objects: Array.from(labels.keys(), (i) => objectAt(record, i, classes, options.input)),
    };
  });
  return { classes, images, folder: options.images, bytes: file.bytes, remarks: tally.remarks };
}

function objectAt(
  { file: image, boxes, labels, crowd, areas, ids, shapes }: CocoRecord,
  i: number,
  classes: readonly string[],
  file: string,
) {
  const [x1, y1, x2, y2] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
  const shape = shapes[i];
  return {
    label: classes[labels[i]!]!,
    bbox: [x1, y1, x2 - x1, y2 - y1],
    area: areas[i]!,
    crowd: crowd[i] === 1,
    source: `${file}: annotation ${ids[i]} of ${image}`,
    ...(shape !== undefined && { segmentation: shape }),
  } satisfies ConvertedObject;
}
