import { join } from "node:path";
import { type AnnotationSource, readAnnotations } from "../../formats/read.js";
import type { ConvertedSet } from "../../formats/types.js";
import { type WriteCocoOptions, writeCoco } from "../../formats/writeCoco.js";
import type { ProgressEvent } from "../../progress.js";
import { type CropCounts, type WriteClassesOptions, writeClasses } from "./writeClasses.js";
import { type WriteYoloOptions, writeYolo } from "./writeYolo.js";

export type ConvertSource = AnnotationSource;

export type ConvertTarget =
  | ({ readonly format: "coco" } & WriteCocoOptions)
  | ({ readonly format: "yolo" } & Omit<WriteYoloOptions, "signal" | "onImage">)
  | ({ readonly format: "classes" } & Omit<WriteClassesOptions, "signal" | "onImage">);

/** What `convertData` reads and writes. */
export interface ConvertOptions {
  readonly from: ConvertSource;
  readonly to: ConvertTarget;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: ProgressEvent) => void;
}

/** What `convertData` wrote. */
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
  const set = await readAnnotations(from);
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
