import { join } from "node:path";
import { UserError } from "../../errors.js";
import type { ProgressEvent } from "../../progress.js";
import { type CvatOptions, readCvat } from "./cvat.js";
import { type LabelmeOptions, readLabelme } from "./labelme.js";
import { type MasksOptions, readMasks } from "./masks.js";
import { type ReadCocoOptions, readCoco } from "./readCoco.js";
import type { ConvertedSet } from "./types.js";
import { readVoc, type VocOptions } from "./voc.js";
import { type CropCounts, type WriteClassesOptions, writeClasses } from "./writeClasses.js";
import { type WriteCocoOptions, writeCoco } from "./writeCoco.js";
import { type WriteYoloOptions, writeYolo } from "./writeYolo.js";
import { readYolo, type YoloOptions } from "./yolo.js";

export type ConvertSource =
  | ({ readonly format: "voc" } & VocOptions)
  | ({ readonly format: "yolo" } & YoloOptions)
  | ({ readonly format: "labelme" } & LabelmeOptions)
  | ({ readonly format: "cvat" } & CvatOptions)
  | ({ readonly format: "masks" } & MasksOptions)
  | ({ readonly format: "coco" } & ReadCocoOptions);

export type ConvertTarget =
  | ({ readonly format: "coco" } & WriteCocoOptions)
  | ({ readonly format: "yolo" } & Omit<WriteYoloOptions, "signal" | "onImage">)
  | ({ readonly format: "classes" } & Omit<WriteClassesOptions, "signal" | "onImage">);

export interface ConvertOptions {
  readonly from: ConvertSource;
  readonly to: ConvertTarget;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

export interface ConvertResult {
  readonly output: string;
  /** The folder that the written file names are relative to. */
  readonly images: string;
  readonly imageCount: number;
  readonly objects: number;
  readonly classes: readonly string[];
  readonly withoutMask: number;
  /** For class folders: the images cut out, and the objects left out. */
  readonly crops?: CropCounts;
  /** What was left out or corrected. */
  readonly remarks: readonly string[];
}

/** Reads annotations of one format and writes them in another. @throws UserError like the readers and writers */
export async function convertData({ from, to, signal, onEvent }: ConvertOptions): Promise<ConvertResult> {
  const set = await read(from);
  if (set.images.length === 0) throw new UserError(`${from.input}: there are no images`);
  if (set.classes.length === 0) throw new UserError(`${from.input}: there are no objects`);
  const { remarks, ...written } = await write(set, to, {
    ...(signal !== undefined && { signal }),
    onImage: (done, total) => onEvent?.({ type: "progress", what: "writing", done, total }),
  });
  const objects = set.images.flatMap((image) => image.objects);
  return {
    output: to.output,
    images: set.folder,
    ...written,
    imageCount: set.images.length,
    objects: objects.length,
    classes: set.classes,
    withoutMask: objects.filter(({ segmentation }) => segmentation === undefined).length,
    remarks: [...set.remarks, ...remarks],
  };
}

/** What a writer reports. */
type Written = Pick<ConvertResult, "remarks" | "crops"> & Partial<Pick<ConvertResult, "images">>;

async function write(
  set: ConvertedSet,
  to: ConvertTarget,
  watch: Pick<WriteYoloOptions, "signal" | "onImage">,
): Promise<Written> {
  switch (to.format) {
    case "coco":
      await writeCoco(set, to);
      return { remarks: [] };
    case "yolo": {
      const remarks = await writeYolo(set, { ...to, ...watch });
      return {
        remarks,
        ...(to.copyImages !== false && { images: join(to.output, "images", to.split ?? "train") }),
      };
    }
    case "classes": {
      const { counts, remarks } = await writeClasses(set, { ...to, ...watch });
      return { remarks, crops: counts, images: to.output };
    }
  }
}

function read(from: ConvertSource): Promise<ConvertedSet> {
  switch (from.format) {
    case "voc":
      return readVoc(from);
    case "yolo":
      return readYolo(from);
    case "labelme":
      return readLabelme(from);
    case "cvat":
      return readCvat(from);
    case "masks":
      return readMasks(from);
    case "coco":
      return readCoco(from);
  }
}
