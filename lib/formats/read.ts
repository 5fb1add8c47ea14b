import { UserError } from "../errors.js";
import { type CvatOptions, cvatInputs, readCvat } from "./cvat.js";
import { type LabelmeOptions, labelmeInputs, readLabelme } from "./labelme.js";
import { type MasksOptions, masksInputs, readMasks } from "./masks.js";
import { type ReadCocoOptions, readCoco } from "./readCoco.js";
import type { ConvertedSet, Inputs } from "./types.js";
import { readVoc, type VocOptions, vocInputs } from "./voc.js";
import { readYolo, type YoloOptions, yoloInputs } from "./yolo.js";

/** Where annotations are, in which format, and how to read them. */
export type AnnotationSource =
  | ({ readonly format: "voc" } & VocOptions)
  | ({ readonly format: "yolo" } & YoloOptions)
  | ({ readonly format: "labelme" } & LabelmeOptions)
  | ({ readonly format: "cvat" } & CvatOptions)
  | ({ readonly format: "masks" } & MasksOptions)
  | ({ readonly format: "coco" } & ReadCocoOptions);

/** Annotations that are not COCO's already. */
export type ForeignSource = Exclude<AnnotationSource, { readonly format: "coco" }>;

interface Format<S extends AnnotationSource> {
  readonly read: (from: S) => Promise<ConvertedSet>;
  /** The files whose change may change what is read. */
  readonly inputs: (from: S) => Promise<Inputs>;
}

const FORMATS: { readonly [F in AnnotationSource["format"]]: Format<Extract<AnnotationSource, { format: F }>> } = {
  voc: { read: readVoc, inputs: vocInputs },
  yolo: { read: readYolo, inputs: yoloInputs },
  labelme: { read: readLabelme, inputs: labelmeInputs },
  cvat: { read: readCvat, inputs: cvatInputs },
  masks: { read: readMasks, inputs: masksInputs },
  coco: { read: readCoco, inputs: async ({ input }) => ({ files: [input], folders: [] }) },
};

// Each reads its own source; that tie is lost in this look-up.
const formatOf = ({ format }: AnnotationSource): Format<AnnotationSource> =>
  FORMATS[format] as Format<AnnotationSource>;

/** @throws UserError for anything missing or malformed, and where there is nothing to find */
export async function readAnnotations(from: AnnotationSource): Promise<ConvertedSet> {
  const set = await formatOf(from).read(from);
  if (set.images.length === 0) throw new UserError(`${from.input}: there are no images`);
  if (set.classes.length === 0) throw new UserError(`${from.input}: there are no objects`);
  return set;
}

/** @throws UserError where the description of a data set cannot be read */
export const inputsOf = (from: AnnotationSource): Promise<Inputs> => formatOf(from).inputs(from);
